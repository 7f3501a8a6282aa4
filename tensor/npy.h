// NumPy's .npy files: one array of numbers.
//
// Types: f2 and f4 are read as f32; f8, integers (i1 to i8, u1 to u8) and bool as f64. Either byte
// order and either order of elements (C or Fortran). Tensors are written as f4 or f8, ids as i8.
#pragma once

#include <unroll/tensor/index_tensor.h>
#include <unroll/tensor/tensor.h>

#include <string>

namespace unroll {

void save_npy(const std::string& path, const Tensor& x);
void save_npy(const std::string& path, const IndexTensor& ids);
// Throws std::runtime_error that names the file and what is wrong with it; also for an integer
// beyond 2^53 that f64 would round.
Tensor load_npy(const std::string& path);
// Integers and bool, exactly; refuses other types, and a u8 beyond 2^63 - 1.
IndexTensor load_npy_ids(const std::string& path);

}  // namespace unroll
