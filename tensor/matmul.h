// Matrix products and batched matrix products. They throw std::invalid_argument if shapes or dtypes
// do not fit.
#pragma once

#include <unroll/tensor/tensor.h>

namespace unroll {

// [.., M, K] x [.., K, N] -> [.., M, N]. Leading axes broadcast. A 1-D operand is a row on the
// left, a column on the right, as in NumPy. Transposed views are not copied.
Tensor matmul(const Tensor& a, const Tensor& b);
// y [M, N] += a [M, K] b [K, N]
void matmul_into(Tensor& y, const Tensor& a, const Tensor& b);
// x [.., K] w [K, N] + b [N] -> [.., N]; b may be undefined.
Tensor linear(const Tensor& x, const Tensor& w, const Tensor& b);
// The same, written into the rows of y [R, N], whose row stride may be larger than N.
void linear_into(Tensor& y, const Tensor& x, const Tensor& w, const Tensor& b);

}  // namespace unroll
