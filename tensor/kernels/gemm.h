// Matrix products, by BLAS or by panels of our own; gemm.cpp is the only caller of BLAS.
#pragma once

#include <unroll/tensor/types.h>

#include <string>

namespace unroll::kernels {

// A matrix in row-major order with `step` elements from row to row, or the transpose of one.
template <class T>
struct Matrix {
  const T* data;
  Index step;
  bool transposed = false;
  // From this row and column on.
  Matrix from(Index row, Index column) const {
    return {data + (transposed ? column * step + row : row * step + column), step, transposed};
  }
};

// C [m, n] = init + A [m, k] B [k, n]. init may be null (zeros) or C itself; its rows are step_init
// apart (0: one row for all), C's step_c. Results do not depend on the number of threads.
template <class T>
void gemm(Index m, Index n, Index k, Matrix<T> a, Matrix<T> b, const T* init, Index step_init, T* c,
          Index step_c);

// C = A B for `count` matrices, stride_* elements apart.
template <class T>
void gemm_batched(Index count, Index m, Index n, Index k, Matrix<T> a, Index stride_a, Matrix<T> b,
                  Index stride_b, T* c, Index step_c, Index stride_c);

// What was found and decided about BLAS, for build_info().
struct BlasInfo {
  std::string version, core, reason;
};
BlasInfo blas_info();

}  // namespace unroll::kernels
