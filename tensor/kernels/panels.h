// Skinny products C [M, N] = init + A [M, K] W [K, N] with few rows, for a W that is packed once
// and used at every time step.
//
// W is kept in panels of two vectors of columns, each panel K rows deep and contiguous, so that a
// panel streams through the nearest cache while up to 12 rows of A (AVX-512) wait in registers. A
// row's sums run over k in one order whatever the other rows are, so that results do not depend on
// how a batch is divided.
#pragma once

#include <unroll/tensor/types.h>

#include <type_traits>

namespace unroll::kernels {

// Columns of a panel: the vectors' width decides.
template <class T>
Index panel_width();

// Numbers of a packed W [k, n].
template <class T>
Index packed_size(Index k, Index n) {
  const Index w = panel_width<T>();
  return (n + w - 1) / w * w * k;
}

// Whether rows so far apart fall into so few sets of the first cache that a block of them would not
// fit; and how far apart to put rows of so many columns.
constexpr bool has_conflicts(Index stride, std::size_t bytes) {
  return static_cast<std::size_t>(stride) * bytes % 2048 == 0;
}
constexpr Index without_conflicts(Index columns, std::size_t bytes) {
  return has_conflicts(columns, bytes) ? columns + static_cast<Index>(64 / bytes) : columns;
}

// Rows of A: element (r, p) is data[r * stride + p]; `transposed`, of a transposed one, data[r + p
// * stride].
template <class T>
struct Left {
  const T* data;
  Index stride;
  bool transposed = false;
};

// Element (p, j) of W is w[p * stride_k + j * stride_n], so that a transpose is packed by swapping
// the steps.
template <class T>
void pack(const T* w, Index stride_k, Index stride_n, Index k, Index n, T* out);

// What pack() wrote, of `rows` rows.
template <class T>
struct Packed {
  const T* data;
  Index rows;
};

// C [m, n] = init + A W with the first k rows of a packed W [.., n]. init may be null (zeros) or C
// itself; its rows are stride_init apart (0: one row for all).
template <class T>
void multiply(Index m, Index n, Index k, Left<T> a, Packed<T> w,
              const std::type_identity_t<T>* init, Index stride_init, T* c, Index stride_c);
// The same for a row-major W [k, n], rows stride_w apart, that is used once.
template <class T>
void multiply_once(Index m, Index n, Index k, Left<T> a, const T* w, Index stride_w,
                   const std::type_identity_t<T>* init, Index stride_init, T* c, Index stride_c);

}  // namespace unroll::kernels
