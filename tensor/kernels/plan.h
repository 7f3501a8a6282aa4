// Decides which code computes a product C [m, n] = A [m, k] B [k, n], and in which blocks. All
// thresholds are in tuning.h.
#pragma once

#include <unroll/tensor/kernels/tuning.h>
#include <unroll/tensor/types.h>

namespace unroll::kernels {

enum class Route : std::uint8_t {
  loops,          // plain loops
  blas,           // OpenBLAS: gemm, or gemv if C is one row or one column
  panels_packed,  // panels.h: each block of B is packed once and used by all rows of A
  panels_once     // panels.h: B is packed while the first rows of A read it
};

struct ProductShape {
  Index m, n, k;
  Index stride_a, stride_b, stride_c;  // between rows, or between columns of a transposed operand
  bool a_transposed, b_transposed;
  std::size_t bytes;  // of an element
  Index panel_width;  // columns of a panel for this element type and CPU
};

struct Plan {
  Route route;
  // Rows or columns of C per task, along its longer side; 0: one task.
  Index piece = 0;
  // Panels only: the terms of k, columns and rows of a block. The terms affect rounding, so they
  // depend on the problem size only, not on the number of threads.
  Index depth = 0, columns = 0, rows = 0;
};

Plan plan_product(const ProductShape& of, int threads);

// Whether a batch of products is divided among threads, instead of each product.
constexpr bool one_thread_each(Index count, Index multiplications) {
  return multiplications < tuning::kThreadedProduct &&
         count * multiplications >= tuning::kThreadedProduct;
}

// Whether rows with this stride cause L1 conflict misses: they fall into so few sets of the cache
// that a block of rows does not fit. without_conflicts returns a row stride that avoids them.
constexpr bool has_conflicts(Index stride, std::size_t bytes) {
  return static_cast<std::size_t>(stride) * bytes % tuning::kConflictBytes == 0;
}
constexpr Index without_conflicts(Index columns, std::size_t bytes) {
  return has_conflicts(columns, bytes) ? columns + static_cast<Index>(tuning::kLineBytes / bytes)
                                       : columns;
}

// panels_once: whether the m rows of a transposed A with this stride are first copied into
// contiguous blocks. Blocks of up to `max_rows` rows are multiplied at a time; those of AVX2 fit in
// the L1 cache in spite of conflicts.
constexpr bool gathers_rows(Index m, Index stride, std::size_t bytes, int max_rows) {
  return max_rows == tuning::kPanelRowsAvx512 && m > max_rows && has_conflicts(stride, bytes);
}

// Whether a streamed step of m rows is multiplied by row.h, which reads the weights in place. If
// not, multiply_once() (panels.h) multiplies it.
constexpr bool streams_row(Index m) { return m == 1; }

// Whether a recurrent layer projects its input step by step, while the step's rows are in the
// cache: the weight [dim, columns] must stay there beside the recurrent one.
constexpr bool projects_by_step(Index dim, Index columns, std::size_t bytes) {
  return static_cast<std::size_t>(dim * columns) * bytes <= tuning::kProjectedByStepBytes;
}

}  // namespace unroll::kernels
