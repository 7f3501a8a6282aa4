// Arrays as files store them, in types that a Tensor does not have: what .npy and safetensors
// share.
#pragma once

#include <unroll/tensor/index_tensor.h>
#include <unroll/tensor/tensor.h>

#include <functional>
#include <string>

namespace unroll {

enum class Kind : std::uint8_t { floating, bfloat, integer, unsigned_integer, boolean };

// The type of one element in a file.
struct Stored {
  Kind kind;
  std::size_t bytes;  // 1, 2, 4 or 8
  bool big_endian = false;

  // What such elements are read as: f32 where they are of 32 bits or fewer and not whole numbers.
  DType dtype() const;
};

// The elements of `shape` in row-major order, as a Tensor of type.dtype(). An integer that f64 does
// not hold exactly is refused: `refuse` throws for the element, which is given as text.
Tensor read_stored(const Stored& type, const Shape& shape, const char* bytes,
                   const std::function<void(const std::string& element)>& refuse);
// Integers and booleans as ids; `refuse` throws for one beyond 2^63 - 1. Not for floating kinds.
IndexTensor read_stored_ids(const Stored& type, const Shape& shape, const char* bytes,
                            const std::function<void(const std::string& element)>& refuse);

}  // namespace unroll
