// The kernel behind the products with packed panels, and the loops over it; see panels.h.
#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "unroll/tensor/kernels/panels.cpp"
#include <hwy/foreach_target.h>

#include <unroll/tensor/kernels/panels.h>

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
void pack_all(const T* w, Index step_k, Index step_n, Index k, Index n, T* out) {
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

// kRows rows by kPanels panels of columns. A function of its own, so that its sums get all
// registers.
template <int kRows, int kPanels, bool kAcross, class T>
HWY_NOINLINE void block(Index k, const T* HWY_RESTRICT a, Index step_a, const T* HWY_RESTRICT w,
                        Index step_w, Index panel_step, const T* init, Index step_init, T* c,
                        Index step_c, Index columns) {
  const hn::ScalableTag<T> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  constexpr int kVectors = 2 * kPanels;
  using V = hn::Vec<decltype(d)>;
  V acc[kRows][kVectors];
  // Columns that do not fill the vectors go through a buffer, so that the code is there once.
  const Index width = kVectors * lanes;
  T edge[kRows * kVectors * hn::MaxLanes(d)];
  T* to = c;
  Index step_to = step_c;
  if (columns < width) {
    for (int r = 0; r < kRows; ++r)
      for (Index j = 0; j < width; ++j)
        edge[r * width + j] = init && j < columns ? init[r * step_init + j] : T{0};
    init = to = edge, step_init = step_to = width;
  }
  UNROLL_WRITTEN_OUT
  for (int r = 0; r < kRows; ++r) UNROLL_WRITTEN_OUT
  for (int v = 0; v < kVectors; ++v)
    acc[r][v] = init ? hn::LoadU(d, init + r * step_init + v * lanes) : hn::Zero(d);
  for (Index p = 0; p < k; ++p) {
    V b[kVectors];
    UNROLL_WRITTEN_OUT
    for (int v = 0; v < kVectors; ++v)
      b[v] = hn::LoadU(d, w + (v / 2) * panel_step + p * step_w + (v % 2) * lanes);
    UNROLL_WRITTEN_OUT
    for (int r = 0; r < kRows; ++r) {
      const V x = hn::Set(d, kAcross ? a[p * step_a + r] : a[r * step_a + p]);
      UNROLL_WRITTEN_OUT
      for (int v = 0; v < kVectors; ++v) acc[r][v] = hn::MulAdd(x, b[v], acc[r][v]);
    }
  }
  UNROLL_WRITTEN_OUT
  for (int r = 0; r < kRows; ++r) UNROLL_WRITTEN_OUT
  for (int v = 0; v < kVectors; ++v) hn::StoreU(acc[r][v], d, to + r * step_to + v * lanes);
  if (columns < width)
    for (int r = 0; r < kRows; ++r) std::copy_n(edge + r * width, columns, c + r * step_c);
}

template <int kPanels, bool kAcross, class T>
HWY_INLINE void rows_of(Index rows, Index k, const T* a, Index step_a, Panels<T> w, const T* init,
                        Index step_init, T* c, Index step_c, Index columns) {
#define UNROLL_ROWS(n)                                                                    \
  case n:                                                                                 \
    if constexpr (n <= kMaxRows)                                                          \
      return block<n, kPanels, kAcross>(k, a, step_a, w.data, w.step, w.panel_step, init, \
                                        step_init, c, step_c, columns);                   \
    break;
  if constexpr (kPanels == 8) {
    switch (rows) { UNROLL_ROWS(1) }
  } else if constexpr (kPanels == 4) {
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

template <class T>
void multiply_all(Index m, Index n, Index k, Left<T> a, Panels<T> w, const T* init, Index step_init,
                  T* c, Index step_c) {
  const Index width = panel_width<T>();
  // Few rows leave registers for more columns, which hides the latency of the sums; one row alone
  // waits for the weight only, which is read in one sweep where it is row-major.
  const Index blocks = (m + kMaxRows - 1) / kMaxRows, each = blocks ? (m + blocks - 1) / blocks : 0;
  const Index wide = HWY_TARGET <= HWY_AVX3 ? (each <= 1 && w.panel_step == width ? 8
                                               : each <= 3                        ? 4
                                               : each <= 6                        ? 2
                                                                                  : 1)
                                            : (each <= 1   ? 4
                                               : each <= 3 ? 2
                                                           : 1);
  for (Index j = 0; j < n;) {
    const Index panels = (n - j + width - 1) / width;
    const Index group = a.across ? 1 : panels >= wide ? wide : panels >= 4 && wide == 8 ? 4 : 1;
    const Index columns = std::min(group * width, n - j);
    const Panels<T> panel{w.data + j / width * w.panel_step, w.step, w.panel_step};
    for (Index r = 0; r < m; r += each) {
      const Index rows = std::min(each, m - r);
      const T* from = init ? init + r * step_init + j : nullptr;
      T* to = c + r * step_c + j;
      const T* left = a.row(r).data;
#define UNROLL_GROUP(panels, across) \
  rows_of<panels, across>(rows, k, left, a.step, panel, from, step_init, to, step_c, columns)
      if (a.across) {
        UNROLL_GROUP(1, true);
      } else if (group == 8) {
        UNROLL_GROUP(8, false);
      } else if (group == 4) {
        UNROLL_GROUP(4, false);
      } else if (group == 2) {
        UNROLL_GROUP(2, false);
      } else {
        UNROLL_GROUP(1, false);
      }
#undef UNROLL_GROUP
    }
    j += columns;
  }
}

#define UNROLL_FOR(T)                                                                              \
  void pack(const T* w, Index step_k, Index step_n, Index k, Index n, T* out) {                    \
    pack_all(w, step_k, step_n, k, n, out);                                                        \
  }                                                                                                \
  void multiply(Index m, Index n, Index k, Left<T> a, Panels<T> w, const T* init, Index step_init, \
                T* c, Index step_c) {                                                              \
    multiply_all(m, n, k, a, w, init, step_init, c, step_c);                                       \
  }
UNROLL_FOR(float)
UNROLL_FOR(double)
#undef UNROLL_FOR

}  // namespace unroll::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
