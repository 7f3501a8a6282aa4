// The kernel behind the products with packed panels, and the loops over it.
#include <unroll/tensor/kernels/panels.h>
#include <unroll/tensor/kernels/scratch.h>

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "unroll/tensor/kernels/panels.cpp"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

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
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// W as the kernel reads it: rows `step` apart within a panel, panels `panel_step` apart.
template <class T>
struct Panels {
  const T* data;
  Index step, panel_step;
};

template <class T>
HWY_INLINE Index width_of_panel() {
  return 2 * static_cast<Index>(hn::Lanes(hn::ScalableTag<T>()));
}

// Rows of one pass: as many as registers allow.
constexpr int kMaxRows = HWY_TARGET <= HWY_AVX3 ? 12 : 6;

template <class T>
void pack_all(const T* w, Index step_k, Index step_n, Index k, Index n, T* out) {
  const hn::ScalableTag<T> d;
  const Index width = width_of_panel<T>(), lanes = width / 2;
  for (Index j0 = 0; j0 < n; j0 += width, out += k * width) {
    const Index columns = std::min(width, n - j0);
    if (step_n == 1 && columns == width) {
      for (Index p = 0; p < k; ++p) {
        const T* from = w + p * step_k + j0;
        hn::StoreU(hn::LoadU(d, from), d, out + p * width);
        hn::StoreU(hn::LoadU(d, from + lanes), d, out + p * width + lanes);
      }
      continue;
    }
    // Column by column reads rows of a transposed matrix, which are contiguous; as many at a time
    // as stay near.
    constexpr Index kNear = 64;
    for (Index p0 = 0; p0 < k; p0 += kNear)
      for (Index j = 0; j < width; ++j)
        for (Index p = p0; p < std::min(k, p0 + kNear); ++p)
          out[p * width + j] = j < columns ? w[p * step_k + (j0 + j) * step_n] : T{0};
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

// Few rows leave registers for more columns, which hides the latency of the sums; one row alone
// waits for the weight only, which is read in one sweep where it is row-major.
template <class T>
HWY_INLINE int panels_at_once(Index rows, const Panels<T>& w, Index width) {
  if constexpr (kMaxRows == 12)
    return rows == 1 && w.panel_step == width ? 8 : rows <= 3 ? 4 : rows <= 6 ? 2 : 1;
  return rows == 1 ? 4 : rows <= 3 ? 2 : 1;
}
// The blocks that this comes to. A product of two blocks or more has more than half of kMaxRows
// rows in each but the last.
constexpr bool occurs(int rows, int panels) {
  if (panels == 1) return rows <= kMaxRows;
  if constexpr (kMaxRows == 12)
    return panels == 8 ? rows == 1 : panels == 4 ? rows <= 3 : rows > 3 && rows <= 6;
  return panels == 4 ? rows == 1 : panels == 2 && (rows == 2 || rows == 3);
}

template <int kPanels, bool kAcross, class T>
HWY_INLINE void rows_of(Index rows, Index k, const T* a, Index step_a, Panels<T> w, const T* init,
                        Index step_init, T* c, Index step_c, Index columns) {
#define UNROLL_ROWS(n)                                                                    \
  case n:                                                                                 \
    if constexpr (occurs(n, kPanels))                                                     \
      return block<n, kPanels, kAcross>(k, a, step_a, w.data, w.step, w.panel_step, init, \
                                        step_init, c, step_c, columns);                   \
    break;
  switch (rows) {
    UNROLL_ROWS(1)
    UNROLL_ROWS(2)
    UNROLL_ROWS(3)
    UNROLL_ROWS(4)
    UNROLL_ROWS(5)
    UNROLL_ROWS(6)
    UNROLL_ROWS(7) UNROLL_ROWS(8) UNROLL_ROWS(9) UNROLL_ROWS(10) UNROLL_ROWS(11) UNROLL_ROWS(12)
  }
#undef UNROLL_ROWS
}

template <class T>
void multiply_all(Index m, Index n, Index k, Left<T> a, Panels<T> w, const T* init, Index step_init,
                  T* c, Index step_c) {
  const Index width = width_of_panel<T>();
  const Index blocks = (m + kMaxRows - 1) / kMaxRows, each = blocks ? (m + blocks - 1) / blocks : 0;
  const Index wide = panels_at_once(each, w, width);
  for (Index j = 0; j < n;) {
    const Index panels = (n - j + width - 1) / width;
    const Index group = a.across ? 1 : panels >= wide ? wide : panels >= 4 && wide == 8 ? 4 : 1;
    const Index columns = std::min(group * width, n - j);
    const Panels<T> panel{w.data + j / width * w.panel_step, w.step, w.panel_step};
    for (Index r = 0; r < m; r += each) {
      const Index rows = std::min(each, m - r);
      const T* from = init ? init + r * step_init + j : nullptr;
      T* to = c + r * step_c + j;
      const T* left = a.data + (a.across ? r : r * a.step);
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

template <class T>
void multiply_packed(Index m, Index n, Index k, Left<T> a, Packed<T> w, const T* init,
                     Index step_init, T* c, Index step_c) {
  const Index width = width_of_panel<T>();
  multiply_all(m, n, k, a, Panels<T>{w.data, width, w.rows * width}, init, step_init, c, step_c);
}

template <class T>
void multiply_row_major(Index m, Index n, Index k, Left<T> a, const T* w, const T* init,
                        Index step_init, T* c, Index step_c) {
  const Index width = width_of_panel<T>(), rest = n % width;
  // Vectors of W that reach beyond its rows would read beyond its end.
  if (rest == 0)
    return multiply_all(m, n, k, a, Panels<T>{w, n, width}, init, step_init, c, step_c);
  Scratch<T> packed((n - rest + width) * k);
  pack_all(w, n, Index{1}, k, n, packed.get());
  multiply_packed(m, n, k, a, Packed<T>{packed.get(), k}, init, step_init, c, step_c);
}

}  // namespace

#define UNROLL_FOR(T, s)                                                                  \
  Index panel_width_##s() { return width_of_panel<T>(); }                                 \
  void pack_##s(const T* w, Index step_k, Index step_n, Index k, Index n, T* out) {       \
    pack_all(w, step_k, step_n, k, n, out);                                               \
  }                                                                                       \
  void multiply_##s(Index m, Index n, Index k, Left<T> a, Packed<T> w, const T* init,     \
                    Index step_i, T* c, Index step_c) {                                   \
    multiply_packed(m, n, k, a, w, init, step_i, c, step_c);                              \
  }                                                                                       \
  void multiply_once_##s(Index m, Index n, Index k, Left<T> a, const T* w, const T* init, \
                         Index step_i, T* c, Index step_c) {                              \
    multiply_row_major(m, n, k, a, w, init, step_i, c, step_c);                           \
  }
UNROLL_FOR(float, f32)
UNROLL_FOR(double, f64)
#undef UNROLL_FOR

}  // namespace unroll::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace unroll::kernels {

#define UNROLL_EXPORT(T, s)                                                                        \
  HWY_EXPORT(panel_width_##s);                                                                     \
  HWY_EXPORT(pack_##s);                                                                            \
  HWY_EXPORT(multiply_##s);                                                                        \
  HWY_EXPORT(multiply_once_##s);                                                                   \
  template <>                                                                                      \
  Index panel_width<T>() {                                                                         \
    return HWY_DYNAMIC_DISPATCH(panel_width_##s)();                                                \
  }                                                                                                \
  template <>                                                                                      \
  void pack<T>(const T* w, Index step_k, Index step_n, Index k, Index n, T* out) {                 \
    HWY_DYNAMIC_DISPATCH(pack_##s)(w, step_k, step_n, k, n, out);                                  \
  }                                                                                                \
  template <>                                                                                      \
  void multiply<T>(Index m, Index n, Index k, Left<T> a, Packed<T> w, const T* init, Index step_i, \
                   T* c, Index step_c) {                                                           \
    HWY_DYNAMIC_DISPATCH(multiply_##s)(m, n, k, a, w, init, step_i, c, step_c);                    \
  }                                                                                                \
  template <>                                                                                      \
  void multiply_once<T>(Index m, Index n, Index k, Left<T> a, const T* w, const T* init,           \
                        Index step_i, T* c, Index step_c) {                                        \
    HWY_DYNAMIC_DISPATCH(multiply_once_##s)(m, n, k, a, w, init, step_i, c, step_c);               \
  }
UNROLL_EXPORT(float, f32)
UNROLL_EXPORT(double, f64)
#undef UNROLL_EXPORT

}  // namespace unroll::kernels
#endif
