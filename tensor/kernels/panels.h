// Skinny products C [M, N] = init + A [M, K] W [K, N] with few rows, for a W that is packed once
// and used at every time step.
//
// W is kept in panels of two vectors of columns, each panel K rows deep and contiguous, so that a
// panel streams through the nearest cache while up to 12 rows of A (AVX-512) wait in registers. A
// row's sums run over k in one order whatever the other rows are, so that results do not depend on
// how a batch is divided.
#pragma once

#include <unroll/tensor/kernels/dispatch.h>
#include <unroll/tensor/kernels/matrix.h>

#include <type_traits>

namespace unroll::kernels {

template <class T>
struct PanelKernels;

// Columns of a panel: the vectors' width decides.
template <class T>
Index panel_width() {
  return table<PanelKernels, T>().width();
}

// Elements of a packed W [k, n].
template <class T>
Index packed_size(Index k, Index n) {
  const Index w = panel_width<T>();
  return (n + w - 1) / w * w * k;
}

// W as the kernel reads it: rows `stride` apart within a panel, panels `panel_stride` apart. A
// row-major W is a case of this.
template <class T>
struct Panels {
  const T* data;
  Index stride, panel_stride;
};

// Copies W [k, n] into panels in `out`. A transposed W is packed in the same way.
template <class T>
Panels<T> pack(Matrix<const T> w, std::type_identity_t<T>* out) {
  table<PanelKernels, T>().pack(w, out);
  const Index width = panel_width<T>();
  return {out, width, w.rows * width};
}

// C [m, n] = init + A W with the first k rows of a packed W [.., n]. init may be C itself.
template <class T>
void multiply(Matrix<const T> a, Panels<T> w, std::type_identity_t<Init<T>> init, Matrix<T> c) {
  table<PanelKernels, T>().multiply(a, w, init, c);
}
// The same for a row-major W [k, n] that is used once.
template <class T>
void multiply_once(Matrix<const T> a, std::type_identity_t<Matrix<const T>> w,
                   std::type_identity_t<Init<T>> init, Matrix<T> c) {
  table<PanelKernels, T>().multiply_once(a, w, init, c);
}

template <class T>
struct PanelKernels {
  Index (*width)();
  void (*pack)(const Matrix<const T>& w, T* out);
  void (*multiply)(const Matrix<const T>& a, const Panels<T>& w, const Init<T>& init,
                   const Matrix<T>& c);
  void (*multiply_once)(const Matrix<const T>& a, const Matrix<const T>& w, const Init<T>& init,
                        const Matrix<T>& c);
};

}  // namespace unroll::kernels
