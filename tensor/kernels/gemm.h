// Matrix products, by BLAS or by our own panel kernels. Only gemm.cpp calls BLAS.
#pragma once

#include <unroll/tensor/types.h>

#include <string>

namespace unroll::kernels {

// A matrix in row-major order with row stride `step` (in elements), or its transpose.
template <class T>
struct Matrix {
  const T* data;
  Index stride;
  bool transposed = false;
  // The submatrix that begins at this row and column.
  Matrix from(Index row, Index column) const {
    return {data + (transposed ? column * stride + row : row * stride + column), stride,
            transposed};
  }
};

// C [m, n] = init + A [m, k] B [k, n]. init may be null (zeros) or C itself; stride_init is its row
// stride (0: the same row for all), stride_c that of C. Results do not depend on the number of
// threads.
template <class T>
void gemm(Index m, Index n, Index k, Matrix<T> a, Matrix<T> b, const T* init, Index stride_init,
          T* c, Index stride_c);

// C = A B for `count` matrices, batch_stride_* elements apart.
template <class T>
void gemm_batched(Index count, Index m, Index n, Index k, Matrix<T> a, Index batch_stride_a,
                  Matrix<T> b, Index batch_stride_b, T* c, Index stride_c, Index batch_stride_c);

// The BLAS that was found and the core chosen for it, for build_info().
struct BlasInfo {
  std::string version, core, reason;
};
BlasInfo blas_info();

}  // namespace unroll::kernels
