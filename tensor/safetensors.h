// Named tensors in a file, in the safetensors format: 8 bytes with the length of a JSON header, the
// header, the numbers.
#pragma once

#include <unroll/tensor/tensor.h>

#include <map>
#include <string>

namespace unroll {

using NamedTensors = std::map<std::string, Tensor>;
using Metadata = std::map<std::string, std::string>;

void save_safetensors(const std::string& path, const NamedTensors& tensors,
                      const Metadata& metadata = {});
// Throws std::runtime_error that names the file and what is wrong with it. Types F32, F64, and F16,
// BF16, I32, I64 as f32 or f64.
NamedTensors load_safetensors(const std::string& path, Metadata* metadata = nullptr);

}  // namespace unroll
