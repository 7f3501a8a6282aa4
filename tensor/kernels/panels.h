// Skinny products C [M, N] = init + A [M, K] W [K, N] with few rows, for a W that is packed once
// and used at every time step.
//
// W is kept in panels of two vectors of columns, each panel K rows deep and contiguous, so that a
// panel streams through the nearest cache while up to 12 rows of A (AVX-512) wait in registers. A
// row's sums run over k in one order whatever the other rows are, so that results do not depend on
// how a batch is divided. Included once for each SIMD target.
#if defined(UNROLL_PANELS_H) == defined(HWY_TARGET_TOGGLE)
#ifdef UNROLL_PANELS_H
#undef UNROLL_PANELS_H
#else
#define UNROLL_PANELS_H
#endif

#include <unroll/tensor/types.h>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace unroll::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
HWY_INLINE Index panel_width() {
  return 2 * static_cast<Index>(hn::Lanes(hn::ScalableTag<T>()));
}

template <class T>
HWY_INLINE Index packed_size(Index k, Index n) {
  const Index w = panel_width<T>();
  return (n + w - 1) / w * w * k;
}

// W as the kernel reads it: rows `step` apart within a panel, panels `panel_step` apart.
template <class T>
struct Panels {
  const T* data;
  Index step, panel_step;
};
// What pack() wrote for a W of k rows.
template <class T>
HWY_INLINE Panels<T> packed_panels(const T* data, Index k) {
  return {data, panel_width<T>(), k * panel_width<T>()};
}
// A row-major W whose rows are n apart, n a multiple of the panel width.
template <class T>
HWY_INLINE Panels<T> row_major(const T* data, Index n) {
  return {data, n, panel_width<T>()};
}

// Rows of A: element (r, p) is data[r * step + p]; `across`, of a transposed one, data[r + p *
// step].
template <class T>
struct Left {
  const T* data;
  Index step;
  bool across = false;
  HWY_INLINE Left row(Index r) const { return {data + (across ? r : r * step), step, across}; }
};

// What follows is compiled once for each target, in panels.cpp.

// Element (p, j) of W is w[p * step_k + j * step_n], so that a transpose is packed by swapping the
// steps.
void pack(const float* w, Index step_k, Index step_n, Index k, Index n, float* out);
void pack(const double* w, Index step_k, Index step_n, Index k, Index n, double* out);

// C [m, n] = init + A W, W [k, n]. init may be null (zeros) or C itself.
void multiply(Index m, Index n, Index k, Left<float> a, Panels<float> w, const float* init,
              Index step_init, float* c, Index step_c);
void multiply(Index m, Index n, Index k, Left<double> a, Panels<double> w, const double* init,
              Index step_init, double* c, Index step_c);

}  // namespace unroll::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
