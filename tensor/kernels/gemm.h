// Matrix products, by BLAS or by our own panel kernels (plan.h). Only gemm.cpp and blas_core.cpp
// call BLAS.
#pragma once

#include <unroll/tensor/kernels/matrix.h>

namespace unroll::kernels {

// C [m, n] = init + A [m, k] B [k, n]. init may be C itself. The rows of C must be contiguous.
// Results do not depend on the number of threads.
template <class T>
void gemm(Matrix<const T> a, Matrix<const T> b, Init<T> init, Matrix<T> c);

// C = A B for `count` matrices, batch_stride_* elements apart.
template <class T>
void gemm_batched(Index count, Matrix<const T> a, Index batch_stride_a, Matrix<const T> b,
                  Index batch_stride_b, Matrix<T> c, Index batch_stride_c);

}  // namespace unroll::kernels
