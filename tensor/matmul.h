// Products of matrices and of batches of them.
#pragma once

#include <unroll/tensor/tensor.h>

namespace unroll {

// [.., M, K] x [.., K, N] -> [.., M, N]; leading axes broadcast; a 1-D operand is a row on the
// left, a column on the right, as in NumPy. Transposed views go to BLAS as they are.
Tensor matmul(const Tensor& a, const Tensor& b);
// y [M, N] += a [M, K] b [K, N]
void matmul_into(Tensor& y, const Tensor& a, const Tensor& b);
// x [.., K] w [K, N] + b [N]; b may be undefined.
Tensor linear(const Tensor& x, const Tensor& w, const Tensor& b);
// The same into the rows of y [R, N], which may stand further apart than N.
void linear_into(Tensor& y, const Tensor& x, const Tensor& w, const Tensor& b);

}  // namespace unroll
