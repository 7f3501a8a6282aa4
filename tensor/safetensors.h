// Named tensors in a file in the safetensors format: the length of the header (8 bytes), a JSON
// header, the elements.
#pragma once

#include <unroll/tensor/tensor.h>

#include <map>
#include <string>

namespace unroll {

using NamedTensors = std::map<std::string, Tensor>;
using Metadata = std::map<std::string, std::string>;

void save_safetensors(const std::string& path, const NamedTensors& tensors,
                      const Metadata& metadata = {});
// Throws std::runtime_error, naming the file and the problem. F32, F16 and BF16 are read as f32;
// F64, I8 to I64, U8 to U64 and BOOL as f64. An integer that f64 cannot represent exactly is
// refused.
NamedTensors load_safetensors(const std::string& path, Metadata* metadata = nullptr);

}  // namespace unroll
