#include <unroll/tensor/kernels/blas_core.h>
#include <unroll/tensor/kernels/gemm.h>
#include <unroll/tensor/kernels/panels.h>
#include <unroll/tensor/kernels/parallel_rows.h>
#include <unroll/tensor/kernels/plan.h>
#include <unroll/tensor/kernels/scratch.h>
#include <unroll/tensor/threads.h>

#include <cblas.h>

#include <algorithm>
#include <type_traits>

namespace unroll::kernels {
namespace {

template <class T>
struct Product {
  Matrix<const T> a, b;
  Init<T> init;
  Matrix<T> c;
  // The product for some rows and columns of C.
  Product part(Index row, Index rows, Index column, Index columns) const {
    return {a.part(row, rows, 0, a.columns), b.part(0, b.rows, column, columns),
            init.part(row, column), c.part(row, rows, column, columns)};
  }
};

// Runs f on the tiles of C along its longer side, `each` rows or columns per tile, on all threads.
template <class T, class F>
void each_piece(const Product<T>& of, Index each, F f) {
  const bool by_rows = of.c.rows > of.c.columns;
  const Index side = by_rows ? of.c.rows : of.c.columns;
  parallel_runs(side, each, [&](Index from, Index size) {
    f(by_rows ? of.part(from, size, 0, of.c.columns) : of.part(0, of.c.rows, from, size));
  });
}

CBLAS_TRANSPOSE order(bool transposed) { return transposed ? CblasTrans : CblasNoTrans; }

// BLAS requires strides of at least 1 and at least the length of a row.
template <class T>
blasint blas_stride(const Matrix<T>& x) {
  return static_cast<blasint>(
      std::max({x.stride(), Index{1}, x.transposed() ? x.rows : x.columns}));
}

// Matrix-vector products: gemv reads the matrix once, while gemm first packs it.
template <class T>
void by_matrix_vector(const Product<T>& of) {
  const auto call = [] {
    if constexpr (std::is_same_v<T, float>)
      return &cblas_sgemv;
    else
      return &cblas_dgemv;
  }();
  // y = M x; a single row is computed as y = M' x with A and B exchanged.
  const bool column = of.c.columns == 1;
  const Matrix<const T>&matrix = column ? of.a : of.b, &x = column ? of.b : of.a;
  const Index results = column ? of.c.rows : of.c.columns, terms = of.b.rows;
  const Index stride_y = column ? of.c.row_stride : 1;
  // Some BLAS versions read y even with a beta of 0, and y is uninitialised.
  if (!of.init.data)
    for (Index i = 0; i < results; ++i) of.c.data[i * stride_y] = 0;
  const bool transposed = matrix.transposed() == column;
  call(CblasRowMajor, order(transposed), static_cast<blasint>(transposed ? terms : results),
       static_cast<blasint>(transposed ? results : terms), 1, matrix.data, blas_stride(matrix),
       x.data, x.transposed() == column ? 1 : blas_stride(x), 1, of.c.data,
       static_cast<blasint>(stride_y));
}

template <class T>
void by_blas(const Product<T>& of) {
  if (of.c.columns == 1 || of.c.rows == 1) return by_matrix_vector(of);
  const auto call = [] {
    if constexpr (std::is_same_v<T, float>)
      return &cblas_sgemm;
    else
      return &cblas_dgemm;
  }();
  call(CblasRowMajor, order(of.a.transposed()), order(of.b.transposed()),
       static_cast<blasint>(of.c.rows), static_cast<blasint>(of.c.columns),
       static_cast<blasint>(of.a.columns), 1, of.a.data, blas_stride(of.a), of.b.data,
       blas_stride(of.b), of.init.data ? 1 : 0, of.c.data, blas_stride(of.c));
}

template <class T>
void by_loops(const Product<T>& of) {
  const Matrix<const T>&a = of.a, &b = of.b;
  for (Index i = 0; i < of.c.rows; ++i) {
    T* row = of.c.at(i, 0);
    if (!of.init.data) std::fill_n(row, of.c.columns, T{0});
    for (Index p = 0; p < b.rows; ++p) {
      const T x = *a.at(i, p);
      if (b.transposed()) {
        for (Index j = 0; j < of.c.columns; ++j) row[j] += x * b.data[p + j * b.column_stride];
      } else {
        for (Index j = 0; j < of.c.columns; ++j) row[j] += x * b.data[p * b.row_stride + j];
      }
    }
  }
}

// On one thread, in the blocks of the plan.
template <class T>
void by_panels(const Product<T>& of, const Plan& plan) {
  const bool once = plan.route == Route::panels_once;
  const Index m = of.c.rows, n = of.c.columns, k = of.b.rows;
  Scratch<T> packed(once ? 0 : packed_size<T>(plan.depth, std::min(n, plan.columns)));
  for (Index j = 0; j < n; j += plan.columns) {
    const Index columns = std::min(plan.columns, n - j);
    for (Index p = 0; p < k; p += plan.depth) {
      const Index depth = std::min(plan.depth, k - p);
      const Matrix<const T> b = of.b.part(p, depth, j, columns);
      Panels<T> panels{};
      if (!once) panels = pack(b, packed.get());
      for (Index i = 0; i < m; i += plan.rows) {
        const Index rows = std::min(plan.rows, m - i);
        const Matrix<T> c = of.c.part(i, rows, j, columns);
        const Matrix<const T> a = of.a.part(i, rows, p, depth);
        const Init<T> init = p > 0 ? Init<T>{c.data, c.row_stride} : of.init.part(i, j);
        if (once) {
          multiply_once(a, b, init, c);
        } else {
          multiply(a, panels, init, c);
        }
      }
    }
  }
}

}  // namespace

template <class T>
void gemm(Matrix<const T> a, Matrix<const T> b, Init<T> init, Matrix<T> c) {
  if (c.rows == 0 || c.columns == 0) return;
  const FlushDenormals flush;
  const Plan plan = plan_product({.m = c.rows,
                                  .n = c.columns,
                                  .k = b.rows,
                                  .stride_a = a.stride(),
                                  .stride_b = b.stride(),
                                  .stride_c = c.row_stride,
                                  .a_transposed = a.transposed(),
                                  .b_transposed = b.transposed(),
                                  .bytes = sizeof(T),
                                  .panel_width = panel_width<T>()},
                                 threads());
  Product<T> of{a, b, init, c};
  if (plan.route == Route::panels_packed || plan.route == Route::panels_once)
    return each_piece(of, plan.piece, [&](const Product<T>& piece) { by_panels(piece, plan); });
  if (init.data && init.data != c.data)
    for (Index i = 0; i < c.rows; ++i)
      std::copy_n(init.data + i * init.stride, c.columns, c.at(i, 0));
  if (init.data) of.init = {c.data, c.row_stride};
  if (plan.route == Route::loops) return by_loops(of);
  blas_core();
  if (plan.piece == 0) return by_blas(of);
  each_piece(of, plan.piece, by_blas<T>);
}

template <class T>
void gemm_batched(Index count, Matrix<const T> a, Index batch_stride_a, Matrix<const T> b,
                  Index batch_stride_b, Matrix<T> c, Index batch_stride_c) {
  const auto each = [&](Index i) {
    Matrix<const T> ai = a, bi = b;
    Matrix<T> ci = c;
    ai.data += i * batch_stride_a, bi.data += i * batch_stride_b, ci.data += i * batch_stride_c;
    gemm<T>(ai, bi, {}, ci);
  };
  if (count > 1 && one_thread_each(count, c.rows * c.columns * b.rows))
    return parallel_for(count, each);
  for (Index i = 0; i < count; ++i) each(i);
}

#define UNROLL_FOR(T)                                                                          \
  template void gemm(Matrix<const T>, Matrix<const T>, Init<T>, Matrix<T>);                    \
  template void gemm_batched(Index, Matrix<const T>, Index, Matrix<const T>, Index, Matrix<T>, \
                             Index);
UNROLL_FOR(float)
UNROLL_FOR(double)
#undef UNROLL_FOR

}  // namespace unroll::kernels
