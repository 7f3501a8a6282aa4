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
// Throws std::runtime_error that names the file and what is wrong with it. F32, F16 and BF16 are
// read as f32; F64, I8 to I64, U8 to U64 and BOOL as f64, unless it would round one.
NamedTensors load_safetensors(const std::string& path, Metadata* metadata = nullptr);

}  // namespace unroll
