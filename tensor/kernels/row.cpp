#include <unroll/tensor/kernels/row.h>
#include <unroll/tensor/kernels/tuning.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "unroll/tensor/kernels/row.cpp"
#include <hwy/foreach_target.h>

#include <unroll/tensor/kernels/simd_math.h>

HWY_BEFORE_NAMESPACE();
namespace unroll::kernels::HWY_NAMESPACE {
namespace {

// Vectors of sums that leave a register for an element of a.
constexpr int kSums = HWY_TARGET <= HWY_AVX3 ? tuning::kRowSumsAvx512 : tuning::kRowSums;

template <int kVectors, bool kWhole, class T>
HWY_INLINE void add_product(const RowProduct<T>& of, Index n, Index j, Index each,
                            hn::Vec<hn::ScalableTag<T>> (&sum)[kVectors]) {
  const hn::ScalableTag<T> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  const T *HWY_RESTRICT w = of.w.data + j, *HWY_RESTRICT a = of.a;
  const Index k = of.w.rows;
  for (Index p = 0; p < k; ++p, w += n) {
    const auto x = hn::Set(d, a[p]);
    UNROLL_WRITTEN_OUT
    for (int v = 0; v < kVectors; ++v)
      sum[v] = hn::MulAdd(x, load(w + v * lanes, kWhole ? lanes : each), sum[v]);
  }
}

// y = init + first + second, kVectors whole vectors of columns from j on or `each` elements of one.
// A function of its own, so that its sums get all registers.
template <int kVectors, bool kWhole, class T>
HWY_NOINLINE void columns(const T* init, const RowProduct<T>& first, const RowProduct<T>& second,
                          T* y, Index n, Index j, Index each) {
  const hn::ScalableTag<T> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  if (kWhole) each = lanes;
  hn::Vec<decltype(d)> sum[kVectors];
  UNROLL_WRITTEN_OUT
  for (int v = 0; v < kVectors; ++v) sum[v] = init ? load(init + j + v * lanes, each) : hn::Zero(d);
  add_product<kVectors, kWhole>(first, n, j, each, sum);
  add_product<kVectors, kWhole>(second, n, j, each, sum);
  UNROLL_WRITTEN_OUT
  for (int v = 0; v < kVectors; ++v) store(sum[v], y + j + v * lanes, each);
}

// All columns from j on, kVectors vectors of them at once where there are as many.
template <int kVectors, class T>
HWY_INLINE void columns_from(const T* init, const RowProduct<T>& first, const RowProduct<T>& second,
                             T* y, Index n, Index j) {
  const Index group = kVectors * static_cast<Index>(hn::Lanes(hn::ScalableTag<T>()));
  for (; j + group <= n; j += group) columns<kVectors, true>(init, first, second, y, n, j, 0);
  if constexpr (kVectors > 1) {
    columns_from<kVectors / 2>(init, first, second, y, n, j);
  } else if (j < n) {
    columns<1, false>(init, first, second, y, n, j, n - j);
  }
}

template <class T>
void multiply_row_run(Index n, const T* init, const RowProduct<T>& first,
                      const RowProduct<T>& second, T* y) {
  columns_from<kSums>(init, first, second, y, n, 0);
}
}  // namespace

UNROLL_KERNELS(RowKernels, multiply_row_run<T>)

}  // namespace unroll::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace unroll::kernels {
UNROLL_EXPORT(RowKernels)
}  // namespace unroll::kernels
#endif
