// Skinny products C [M, N] = init + A [M, K] W [K, N] with few rows, for a W that is packed once
// and used at every time step.
//
// W is kept in panels of two vectors of columns, each panel K rows deep and contiguous, so that a
// panel streams through the nearest cache while up to 12 rows of A (AVX-512) wait in registers. A
// row's sums run over k in one order whatever the other rows are, so that results do not depend on
// how a batch is divided. Included once for each SIMD target.
#if defined(UNROLL_SKINNY_H) == defined(HWY_TARGET_TOGGLE)
#ifdef UNROLL_SKINNY_H
#undef UNROLL_SKINNY_H
#else
#define UNROLL_SKINNY_H
#endif

#include <unroll/tensor/kernels/simd_math.h>
#include <unroll/tensor/types.h>

#include <algorithm>

// Loops of a known count are written out, so that the sums stay in registers.
#ifndef UNROLL_WRITTEN_OUT
#if defined(__clang__)
#define UNROLL_WRITTEN_OUT _Pragma("clang loop unroll(full)")
#else
#define UNROLL_WRITTEN_OUT _Pragma("GCC unroll 16")
#endif
#endif

HWY_BEFORE_NAMESPACE();
namespace unroll::kernels::HWY_NAMESPACE {

// Rows of one pass: as many as registers allow.
constexpr int kMaxRows = HWY_TARGET <= HWY_AVX3 ? 12 : 6;

template <class T>
HWY_INLINE Index panel_width() {
  return 2 * static_cast<Index>(hn::Lanes(hn::ScalableTag<T>()));
}

template <class T>
Index packed_size(Index k, Index n) {
  const Index w = panel_width<T>();
  return (n + w - 1) / w * w * k;
}

// Element (p, j) of W is w[p * step_k + j * step_n], so that a transpose is packed by swapping the
// steps.
template <class T>
void pack(const T* w, Index step_k, Index step_n, Index k, Index n, T* out) {
  const Index width = panel_width<T>();
  for (Index j0 = 0; j0 < n; j0 += width) {
    const Index columns = std::min(width, n - j0);
    if (step_n == 1) {
      for (Index p = 0; p < k; ++p, out += width) {
        std::copy_n(w + p * step_k + j0, columns, out);
        std::fill(out + columns, out + width, T{0});
      }
    } else {
      // Column by column reads rows of the transposed matrix, which are contiguous.
      for (Index j = 0; j < width; ++j)
        for (Index p = 0; p < k; ++p)
          out[p * width + j] = j < columns ? w[p * step_k + (j0 + j) * step_n] : T{0};
      out += k * width;
    }
  }
}

// kRows rows by kPanels panels of columns. `step_w` is the distance of a panel's rows, `panel_step`
// of panels.
template <int kRows, int kPanels, class T>
HWY_INLINE void block(Index k, const T* HWY_RESTRICT a, Index step_a, const T* HWY_RESTRICT w,
                      Index step_w, Index panel_step, const T* init, Index step_init, T* c,
                      Index step_c, Index columns) {
  const hn::ScalableTag<T> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  constexpr int kVectors = 2 * kPanels;
  using V = hn::Vec<decltype(d)>;
  V acc[kRows][kVectors];
  const bool whole = columns == kVectors * lanes;
  UNROLL_WRITTEN_OUT
  for (int r = 0; r < kRows; ++r) UNROLL_WRITTEN_OUT
  for (int v = 0; v < kVectors; ++v) {
    const Index left = columns - v * lanes;
    const T* from = init + r * step_init + v * lanes;
    acc[r][v] = !init || left <= 0 ? hn::Zero(d)
                : left >= lanes    ? hn::LoadU(d, from)
                                   : load_n(d, from, static_cast<std::size_t>(left));
  }
  for (Index p = 0; p < k; ++p) {
    V b[kVectors];
    UNROLL_WRITTEN_OUT
    for (int v = 0; v < kVectors; ++v)
      b[v] = hn::LoadU(d, w + (v / 2) * panel_step + p * step_w + (v % 2) * lanes);
    UNROLL_WRITTEN_OUT
    for (int r = 0; r < kRows; ++r) {
      const V x = hn::Set(d, a[r * step_a + p]);
      UNROLL_WRITTEN_OUT
      for (int v = 0; v < kVectors; ++v) acc[r][v] = hn::MulAdd(x, b[v], acc[r][v]);
    }
  }
  UNROLL_WRITTEN_OUT
  for (int r = 0; r < kRows; ++r) UNROLL_WRITTEN_OUT
  for (int v = 0; v < kVectors; ++v) {
    T* to = c + r * step_c + v * lanes;
    const Index left = columns - v * lanes;
    if (whole || left >= lanes) {
      hn::StoreU(acc[r][v], d, to);
    } else if (left > 0) {
      store_n(acc[r][v], d, to, static_cast<std::size_t>(left));
    }
  }
}

template <int kPanels, class T>
HWY_INLINE void rows_of(Index rows, Index k, const T* a, Index step_a, const T* w, Index step_w,
                        Index panel_step, const T* init, Index step_init, T* c, Index step_c,
                        Index columns) {
#define UNROLL_ROWS(n)                                                                        \
  case n:                                                                                     \
    return block<n, kPanels>(k, a, step_a, w, step_w, panel_step, init, step_init, c, step_c, \
                             columns);
  if constexpr (kPanels == 4) {
    switch (rows) { UNROLL_ROWS(1) UNROLL_ROWS(2) UNROLL_ROWS(3) }
  } else if constexpr (kPanels == 2) {
    switch (rows) {
      UNROLL_ROWS(1) UNROLL_ROWS(2) UNROLL_ROWS(3) UNROLL_ROWS(4) UNROLL_ROWS(5) UNROLL_ROWS(6)
    }
  } else {
    switch (rows) {
      UNROLL_ROWS(1)
      UNROLL_ROWS(2)
      UNROLL_ROWS(3)
      UNROLL_ROWS(4)
      UNROLL_ROWS(5)
      UNROLL_ROWS(6)
      UNROLL_ROWS(7) UNROLL_ROWS(8) UNROLL_ROWS(9) UNROLL_ROWS(10) UNROLL_ROWS(11) UNROLL_ROWS(12)
    }
  }
#undef UNROLL_ROWS
}

// C [m, n] = init + A W. init may be null (zeros) or C itself. `packed` says whether W comes from
// pack(), else it is row-major with step_w = its row length, and n a multiple of the panel width.
template <class T>
void multiply(Index m, Index n, Index k, const T* a, Index step_a, const T* w, bool packed,
              Index step_w, const T* init, Index step_init, T* c, Index step_c) {
  const Index width = panel_width<T>();
  if (packed) step_w = width;
  const Index panel_step = packed ? k * width : width;
  // Few rows leave registers for more columns, which hides the latency of the sums.
  const Index blocks = (m + kMaxRows - 1) / kMaxRows, each = blocks ? (m + blocks - 1) / blocks : 0;
  const Index wide = HWY_TARGET <= HWY_AVX3 ? (each <= 3   ? 4
                                               : each <= 6 ? 2
                                                           : 1)
                                            : (each <= 1   ? 4
                                               : each <= 3 ? 2
                                                           : 1);
  for (Index j = 0; j < n;) {
    const Index panels = (n - j + width - 1) / width;
    const Index group = panels >= wide ? wide : 1;
    const Index columns = std::min(group * width, n - j);
    const T* panel = w + j / width * panel_step;
    for (Index r = 0; r < m; r += each) {
      const Index rows = std::min(each, m - r);
      const T* from = init ? init + r * step_init + j : nullptr;
      T* to = c + r * step_c + j;
      const T* left = a + r * step_a;
      if (group == 4) {
        rows_of<4>(rows, k, left, step_a, panel, step_w, panel_step, from, step_init, to, step_c,
                   columns);
      } else if (group == 2) {
        rows_of<2>(rows, k, left, step_a, panel, step_w, panel_step, from, step_init, to, step_c,
                   columns);
      } else {
        rows_of<1>(rows, k, left, step_a, panel, step_w, panel_step, from, step_init, to, step_c,
                   columns);
      }
    }
    j += columns;
  }
}

}  // namespace unroll::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
