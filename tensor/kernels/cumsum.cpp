#include <unroll/tensor/kernels/cumsum.h>
#include <unroll/tensor/kernels/tuning.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "unroll/tensor/kernels/cumsum.cpp"
#include <hwy/foreach_target.h>

#include <unroll/tensor/kernels/simd_math.h>

HWY_BEFORE_NAMESPACE();
namespace unroll::kernels::HWY_NAMESPACE {
namespace {

// Cumulative sums within a vector: each lane adds the value 1, then 2, then 4 lanes before it
// (Hillis and Steele 1986); in reverse, behind it.
template <bool kReverse>
struct Scan {
  using D = hn::ScalableTag<double>;
  using V = hn::Vec<D>;
  static constexpr D d{};
  static constexpr std::size_t kLanes = hn::MaxLanes(D());
  using Lanes = decltype(hn::SetTableIndices(D(), static_cast<const std::int64_t*>(nullptr)));

  // Lane indices for a shift by `count` lanes. Lanes shifted in are arbitrary; they are masked
  // later.
  static HWY_INLINE Lanes moved_by(std::int64_t count) {
    HWY_ALIGN std::int64_t from[kLanes];
    for (std::size_t i = 0; i < kLanes; ++i) {
      const auto at = static_cast<std::int64_t>(i) + (kReverse ? count : -count);
      from[i] = at >= 0 && at < static_cast<std::int64_t>(kLanes) ? at : 0;
    }
    return hn::SetTableIndices(d, from);
  }
  static HWY_INLINE Lanes all_from(std::int64_t lane) {
    HWY_ALIGN std::int64_t from[kLanes];
    for (std::int64_t& at : from) at = lane;
    return hn::SetTableIndices(d, from);
  }
  static HWY_INLINE auto fed(std::size_t count) {  // the lanes that get a shifted value
    if constexpr (kReverse) {
      return hn::FirstN(d, kLanes - count);
    } else {
      return hn::Not(hn::FirstN(d, count));
    }
  }

  Lanes by1, by2, by4, last;
  V carry;  // sum of all vectors before, in every lane

  HWY_INLINE Scan()
      : by1(moved_by(1)),
        by2(moved_by(2)),
        by4(moved_by(4)),
        last(all_from(kReverse ? 0 : static_cast<std::int64_t>(kLanes) - 1)),
        carry(hn::Zero(d)) {}

  template <std::size_t kCount>
  static HWY_INLINE V add_moved(V v, Lanes by) {
    if constexpr (kLanes > kCount) {
      return hn::Add(v, hn::IfThenElseZero(fed(kCount), hn::TableLookupLanes(v, by)));
    } else {
      return v;
    }
  }
  // The sums of the next vector. Only the last addition depends on the previous vector.
  HWY_INLINE V operator()(V v) {
    v = add_moved<4>(add_moved<2>(add_moved<1>(v, by1), by2), by4);
    const V total = hn::TableLookupLanes(v, last);
    const V out = hn::Add(v, carry);
    carry = hn::Add(carry, total);
    return out;
  }
};

template <bool kReverse, class T>
void row(const T* x, T* y, Index n) {
  constexpr Index kLanes = static_cast<Index>(Scan<kReverse>::kLanes);
  Scan<kReverse> scan;
  const Index whole = n / kLanes * kLanes;
  if constexpr (kReverse) {
    for (Index i = n - kLanes; i >= 0; i -= kLanes)
      store_wide(scan(load_wide(x + i, kLanes)), y + i, kLanes);
    if (whole < n) store_wide(scan(load_wide(x, n - whole)), y, n - whole);
  } else {
    for (Index i = 0; i < whole; i += kLanes)
      store_wide(scan(load_wide(x + i, kLanes)), y + i, kLanes);
    if (whole < n) store_wide(scan(load_wide(x + whole, n - whole)), y + whole, n - whole);
  }
}

// The remainder, shorter than a vector.
template <class T>
void short_row(const T* x, T* y, Index n, bool reverse) {
  double sum = 0;
  for (Index i = 0; i < n; ++i) {
    const Index at = reverse ? n - 1 - i : i;
    sum += static_cast<double>(x[at]);
    y[at] = static_cast<T>(sum);
  }
}

template <class T>
void rows_run(const T* x, T* y, Index rows, Index n, bool reverse) {
  if (n < 8) {
    for (Index r = 0; r < rows; ++r, x += n, y += n) short_row(x, y, n, reverse);
    return;
  }
  for (Index r = 0; r < rows; ++r, x += n, y += n)
    reverse ? row<true>(x, y, n) : row<false>(x, y, n);
}

template <class T>
void columns_run(const T* x, T* y, Index stride, Index rows, Index columns, bool reverse) {
  constexpr Index kColumns = tuning::kCumsumColumns;
  const hn::ScalableTag<double> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  if (columns <= lanes) {  // a single vector, kept in a register
    auto sum = hn::Zero(d);
    for (Index i = 0; i < rows; ++i) {
      const Index at = (reverse ? rows - 1 - i : i) * stride;
      sum = hn::Add(sum, load_wide(x + at, columns));
      store_wide(sum, y + at, columns);
    }
    return;
  }
  HWY_ALIGN double sums[kColumns + HWY_MAX_BYTES / sizeof(double)];
  for (Index first = 0; first < columns; first += kColumns) {
    const Index count = std::min(kColumns, columns - first);
    for (Index j = 0; j < count; j += lanes) hn::Store(hn::Zero(d), d, sums + j);
    for (Index i = 0; i < rows; ++i) {
      const Index at = (reverse ? rows - 1 - i : i) * stride + first;
      for (Index j = 0; j < count; j += lanes) {
        const Index k = std::min(lanes, count - j);
        const auto sum = hn::Add(hn::Load(d, sums + j), load_wide(x + at + j, k));
        hn::Store(sum, d, sums + j);
        store_wide(sum, y + at + j, k);
      }
    }
  }
}

}  // namespace

UNROLL_KERNELS(CumsumKernels, rows_run<T>, columns_run<T>)

}  // namespace unroll::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace unroll::kernels {
UNROLL_EXPORT(CumsumKernels)
}  // namespace unroll::kernels
#endif
