// NumPy's .npy files: one array of f32 or f64 (integers are read as f64).
#pragma once

#include <unroll/tensor/tensor.h>

#include <string>

namespace unroll {

void save_npy(const std::string& path, const Tensor& x);
// Throws std::runtime_error that names the file and what is wrong with it.
Tensor load_npy(const std::string& path);

}  // namespace unroll
