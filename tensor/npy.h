// NumPy's .npy files, one array each.
//
// Types: f2 and f4 are read as f32; f8, integers (i1 to i8, u1 to u8) and bool as f64. Both byte
// orders and both element orders (C and Fortran) are read. Tensors are written as f4 or f8, ids as
// i8.
#pragma once

#include <unroll/tensor/index_tensor.h>
#include <unroll/tensor/tensor.h>

#include <string>

namespace unroll {

// Replaces the file atomically. Throws std::runtime_error if it cannot be written.
void save_npy(const std::string& path, const Tensor& x);
void save_npy(const std::string& path, const IndexTensor& ids);
// Throws std::runtime_error, naming the file and the problem. An integer that f64 cannot represent
// exactly (beyond 2^53) is refused too.
Tensor load_npy(const std::string& path);
// Reads integers and bool exactly. Throws std::runtime_error for other types, and for a u8 above
// 2^63 - 1.
IndexTensor load_npy_ids(const std::string& path);

}  // namespace unroll
