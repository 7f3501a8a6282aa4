// Arrays as stored in files, in types that a Tensor does not have. Shared by .npy and safetensors.
#pragma once

#include <unroll/tensor/index_tensor.h>
#include <unroll/tensor/tensor.h>

#include <functional>
#include <string>

namespace unroll {

enum class Kind : std::uint8_t { floating, bfloat, integer, unsigned_integer, boolean };

// The type of an element in a file.
struct Stored {
  Kind kind;
  std::size_t bytes;  // 1, 2, 4 or 8
  bool big_endian = false;

  // The dtype it is read as: f32 for floating-point types of at most 32 bits, otherwise f64.
  DType dtype() const;
};

// The elements of `shape`, in row-major order, as a Tensor of type.dtype(). For an integer that f64
// cannot represent exactly, `refuse` is called with its text and must throw.
Tensor read_stored(const Stored& type, const Shape& shape, const char* bytes,
                   const std::function<void(const std::string& element)>& refuse);
// Integers and booleans as ids. `refuse` must throw; it is called for a value above 2^63 - 1. Not
// for floating-point types.
IndexTensor read_stored_ids(const Stored& type, const Shape& shape, const char* bytes,
                            const std::function<void(const std::string& element)>& refuse);

}  // namespace unroll
