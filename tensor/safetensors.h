// Named tensors and ids in a file in the safetensors format: the length of the header (8 bytes), a
// JSON header, the elements.
#pragma once

#include <unroll/tensor/index_tensor.h>
#include <unroll/tensor/tensor.h>

#include <map>
#include <string>

namespace unroll {

using NamedTensors = std::map<std::string, Tensor>;
using NamedIds = std::map<std::string, IndexTensor>;
using Metadata = std::map<std::string, std::string>;

// Tensors are written as F32 or F64, ids as I64, wider types first, so that each element is aligned
// to its size. Replaces the file atomically. Throws std::invalid_argument if a name is in both maps
// or is __metadata__, or if a name or the metadata is not UTF-8; std::runtime_error, naming the
// file, if it cannot be written.
void save_safetensors(const std::string& path, const NamedTensors& tensors,
                      const Metadata& metadata = {}, const NamedIds& ids = {});
// Throws std::runtime_error, naming the file and the problem. F32, F16 and BF16 are read as f32;
// F64, I8 to I64, U8 to U64 and BOOL as f64. An integer that f64 cannot represent exactly is
// refused.
// If `ids` is given, it gets the arrays of integers and booleans, exactly, and they are not among
// the tensors; then only U64 values above 2^63 - 1 are refused.
NamedTensors load_safetensors(const std::string& path, Metadata* metadata = nullptr,
                              NamedIds* ids = nullptr);

}  // namespace unroll
