#include <unroll/tensor/kernels/rows.h>
#include <unroll/tensor/kernels/tuning.h>

#include <algorithm>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "unroll/tensor/kernels/rows.cpp"
#include <hwy/foreach_target.h>

#include <unroll/tensor/kernels/simd_math.h>

HWY_BEFORE_NAMESPACE();
namespace unroll::kernels::HWY_NAMESPACE {
namespace {

struct Add {
  template <class V>
  static HWY_INLINE V f(V a, V b) {
    return hn::Add(a, b);
  }
  template <class D>
  static HWY_INLINE auto all(D d, hn::Vec<D> v) {
    return hn::GetLane(hn::SumOfLanes(d, v));
  }
  template <class T>
  static T identity() {
    return 0;
  }
};
// If either is NaN, the result is NaN.
struct Max {
  template <class V>
  static HWY_INLINE V f(V a, V b) {
    return hn::IfThenElse(hn::Or(hn::Gt(a, b), hn::IsNaN(a)), a, b);
  }
  template <class T>
  static T identity() {
    return -std::numeric_limits<T>::infinity();
  }
  template <class D>
  static HWY_INLINE auto all(D d, hn::Vec<D> v) {
    const bool nan = !hn::AllFalse(d, hn::IsNaN(v));
    return nan ? std::numeric_limits<hn::TFromD<D>>::quiet_NaN()
               : hn::GetLane(hn::MaxOfLanes(d, v));
  }
};
struct Min {
  template <class V>
  static HWY_INLINE V f(V a, V b) {
    return hn::IfThenElse(hn::Or(hn::Lt(a, b), hn::IsNaN(a)), a, b);
  }
  template <class T>
  static T identity() {
    return std::numeric_limits<T>::infinity();
  }
  template <class D>
  static HWY_INLINE auto all(D d, hn::Vec<D> v) {
    const bool nan = !hn::AllFalse(d, hn::IsNaN(v));
    return nan ? std::numeric_limits<hn::TFromD<D>>::quiet_NaN()
               : hn::GetLane(hn::MinOfLanes(d, v));
  }
};

// Reduces f(i) over vectors at i = 0, lanes, ...; the last vector is padded with the identity.
// If kSmall, f is instantiated once. The sums are the same, in the same order, provided that f does
// not end in a product of f64, which the compiler may contract with the addition in one of the two.
template <class Op, class T, bool kSmall, class F>
HWY_INLINE T fold(Index n, F f) {
  const hn::ScalableTag<T> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  const auto none = hn::Set(d, Op::template identity<T>());
  auto a = none, b = none, c = none, e = none;  // four accumulators to hide latency
  Index i = 0;
  if constexpr (kSmall) {
    // The accumulators take turns.
    const Index in_turn = n / (4 * lanes) * 4 * lanes;
    for (; i < n; i += lanes) {
      const Index count = std::min(lanes, n - i);
      auto v = f(i, count);
      if (i < in_turn) {
        v = Op::f(a, v), a = b, b = c, c = e, e = v;
      } else if (count == lanes) {
        a = Op::f(a, v);
      } else {
        b = Op::f(b, hn::IfThenElse(hn::FirstN(d, static_cast<std::size_t>(count)), v, none));
      }
    }
    return Op::all(d, Op::f(Op::f(a, b), Op::f(c, e)));
  }
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    a = Op::f(a, f(i, lanes));
    b = Op::f(b, f(i + lanes, lanes));
    c = Op::f(c, f(i + 2 * lanes, lanes));
    e = Op::f(e, f(i + 3 * lanes, lanes));
  }
  for (; i + lanes <= n; i += lanes) a = Op::f(a, f(i, lanes));
  if (i < n)
    b = Op::f(b, hn::IfThenElse(hn::FirstN(d, static_cast<std::size_t>(n - i)), f(i, n - i), none));
  return Op::all(d, Op::f(Op::f(a, b), Op::f(c, e)));
}

// Longer sums are split in halves (pairwise summation), so that the rounding error grows with the
// logarithm of their length.
template <class T, bool kSmall, class F>
double wide_sum(Index begin, Index n, const F& f) {
  constexpr Index kRun = tuning::kPairwiseElements;
  if (n > kRun) {
    const Index half = (n / 2 + kRun - 1) / kRun * kRun;
    return wide_sum<T, kSmall>(begin, half, f) + wide_sum<T, kSmall>(begin + half, n - half, f);
  }
  return fold<Add, T, kSmall>(n, [&](Index i, Index k) { return f(begin + i, k); });
}
// The sum of f(i) over vectors at i = 0, lanes, ... of n elements.
template <class T, bool kSmall = kBaseline, class F>
T sum_of(Index n, const F& f) {
  return static_cast<T>(wide_sum<T, kSmall>(0, n, f));
}
template <class T>
T row_sum(const T* x, Index n) {
  return sum_of<T>(n, [&](Index i, Index k) { return load(x + i, k); });
}
template <class T>
T row_max(const T* x, Index n) {
  return fold<Max, T, kBaseline>(n, [&](Index i, Index k) { return load(x + i, k); });
}
template <class T>
T row_min(const T* x, Index n) {
  return fold<Min, T, kBaseline>(n, [&](Index i, Index k) { return load(x + i, k); });
}

template <class T>
void reduce_rows_run(Reduce op, const T* x, T* y, Index rows, Index n) {
  for (Index r = 0; r < rows; ++r, x += n)
    y[r] = op == Reduce::sum ? row_sum(x, n) : op == Reduce::max ? row_max(x, n) : row_min(x, n);
}

// Adds `rows` rows of kWide vectors of columns to total, which starts from the identity if `first`.
// `last` is the number of elements in the last vector.
template <class Op, int kWide, class T>
HWY_INLINE void add_strip(const T* x, Index rows, Index stride, Index last, bool first, T* total) {
  const hn::ScalableTag<T> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  hn::Vec<decltype(d)> sum[kWide];
  const auto count = [&](int v) { return v + 1 < kWide ? lanes : last; };
  UNROLL_WRITTEN_OUT
  for (int v = 0; v < kWide; ++v)
    sum[v] = first ? hn::Set(d, Op::template identity<T>()) : load(total + v * lanes, count(v));
  for (Index r = 0; r < rows; ++r, x += stride) UNROLL_WRITTEN_OUT
  for (int v = 0; v < kWide; ++v) {
    hwy::Prefetch(x + tuning::kRowsAhead * stride + v * lanes);
    sum[v] = Op::f(sum[v], load(x + v * lanes, count(v)));
  }
  UNROLL_WRITTEN_OUT
  for (int v = 0; v < kWide; ++v) store(sum[v], total + v * lanes, count(v));
}

// Reduces `rows` rows of a chunk of n columns.
template <class Op, class T>
void reduce_chunk(const T* x, Index rows, Index stride, Index n, T* total) {
  const hn::ScalableTag<T> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  if (rows > tuning::kPairwiseRows) {
    const Index half = rows / 2;
    HWY_ALIGN T other[tuning::kReducedRowBytes / sizeof(T)];
    reduce_chunk<Op>(x, half, stride, n, total);
    reduce_chunk<Op>(x + half * stride, rows - half, stride, n, other);
    each<T>(n, [&](Index i, Index k) HWY_ATTR {
      store(Op::f(load(total + i, k), load(other + i, k)), total + i, k);
    });
    return;
  }
  const Index together =
      n <= tuning::kReducedVectors * lanes ? tuning::kPairwiseRows : tuning::kReducedRows;
  Index r = 0;
  do {  // no rows: the identity
    const Index count = std::min(together, rows - r);
    Index i = 0;
    for (; i + tuning::kReducedVectors * lanes <= n; i += tuning::kReducedVectors * lanes)
      add_strip<Op, tuning::kReducedVectors>(x + i, count, stride, lanes, r == 0, total + i);
    for (; i < n; i += lanes)
      add_strip<Op, 1>(x + i, count, stride, std::min(lanes, n - i), r == 0, total + i);
    r += together, x += together * stride;
  } while (r < rows);
}
template <class Op, class T>
void columns(const T* x, Index stride, T* y, Index rows, Index n) {
  constexpr Index kChunk = tuning::kReducedRowBytes / sizeof(T);
  for (Index i = 0; i < n; i += kChunk)
    reduce_chunk<Op>(x + i, rows, stride, std::min(kChunk, n - i), y + i);
}
template <class T>
void reduce_columns_run(Reduce op, const T* x, Index stride, T* y, Index rows, Index n) {
  if (op == Reduce::sum) return columns<Add>(x, stride, y, rows, n);
  if (op == Reduce::max) return columns<Max>(x, stride, y, rows, n);
  columns<Min>(x, stride, y, rows, n);
}

template <class T>
double sum_of_squares_run(const T* x, Index n, double scale) {
  const hn::ScalableTag<double> d;
  const auto divisor = hn::Set(d, scale);
  return wide_sum<double, kBaseline>(0, n, [&](Index i, Index k) {
    auto v = load_wide(x + i, k);
    if (scale != 1) v = hn::Div(v, divisor);
    return hn::Mul(v, v);
  });
}

template <class T>
struct LogSum {
  T top, log_sum;  // as in logsumexp_rows
};
template <class T>
LogSum<T> row_logsumexp(const T* x, Index n) {
  const hn::ScalableTag<T> d;
  const T top = row_max(x, n);
  if (!(std::abs(top) < std::numeric_limits<T>::infinity())) return {top, 0};  // infinite or NaN
  const auto shift = hn::Set(d, top);
  const T sum = sum_of<T, kCompact<T>>(
      n, [&](Index i, Index k) { return exp(d, hn::Sub(load(x + i, k), shift)); });
  return {top, std::log(sum)};
}

template <class T>
void softmax_run(const T* x, T* y, Index rows, Index n, bool logarithm) {
  const hn::ScalableTag<T> d;
  constexpr T kInf = std::numeric_limits<T>::infinity();
  for (Index r = 0; r < rows; ++r, x += n, y += n) {
    if (logarithm) {
      const LogSum<T> all = row_logsumexp(x, n);
      const auto shift = hn::Set(d, all.top == -kInf ? T{0} : all.top);
      const auto log_sum = hn::Set(d, all.log_sum);
      each<T>(n, [&](Index i, Index k) {
        store(hn::Sub(hn::Sub(load(x + i, k), shift), log_sum), y + i, k);
      });
      continue;
    }
    const T top = row_max(x, n);
    if (top == -kInf) {
      std::fill(y, y + n, T{0});
      continue;
    }
    const auto shift = hn::Set(d, top);
    const T sum = sum_of<T, kCompact<T>>(n, [&](Index i, Index k) {
      const auto e = exp(d, hn::Sub(load(x + i, k), shift));
      store(e, y + i, k);
      return e;
    });
    const auto scale = hn::Set(d, T{1} / sum);
    each<T>(n, [&](Index i, Index k) { store(hn::Mul(load(y + i, k), scale), y + i, k); });
  }
}

template <class T>
void softmax_gradient_run(const T* g, const T* y, T* dx, Index rows, Index n, bool logarithm) {
  const hn::ScalableTag<T> d;
  for (Index r = 0; r < rows; ++r, g += n, y += n, dx += n) {
    if (logarithm) {
      const auto sum = hn::Set(d, row_sum(g, n));
      each<T>(n, [&](Index i, Index k) {
        store(hn::NegMulAdd(exp(d, load(y + i, k)), sum, load(g + i, k)), dx + i, k);
      });
    } else {
      const auto sum = hn::Set(d, sum_of<T>(n, [&](Index i, Index k) {
                                 return hn::Mul(load(g + i, k), load(y + i, k));
                               }));
      each<T>(n, [&](Index i, Index k) {
        store(hn::Mul(load(y + i, k), hn::Sub(load(g + i, k), sum)), dx + i, k);
      });
    }
  }
}

template <class T>
void logsumexp_run(const T* x, T* top, T* log_sum, Index rows, Index n) {
  for (Index r = 0; r < rows; ++r, x += n) {
    const LogSum<T> all = row_logsumexp(x, n);
    top[r] = all.top, log_sum[r] = all.log_sum;
  }
}

template <class T>
void scaled_softmax_run(const T* x, const T* top, const T* log_sum, const T* scale, T* y,
                        Index rows, Index n) {
  const hn::ScalableTag<T> d;
  for (Index r = 0; r < rows; ++r, x += n, y += n) {
    if (scale[r] == 0) {
      std::fill(y, y + n, T{0});
      continue;
    }
    const auto shift = hn::Set(d, top[r]), log = hn::Set(d, log_sum[r]);
    const auto factor = hn::Set(d, scale[r]);
    each<T>(n, [&](Index i, Index k) {
      const auto log_p = hn::Sub(hn::Sub(load(x + i, k), shift), log);
      store(hn::Mul(exp(d, log_p), factor), y + i, k);
    });
  }
}

template <class T>
void normalise_run(const T* x, const T* gain, const T* bias, T* y, T* mean, T* rstd, Index rows,
                   Index n, double eps, bool centred) {
  const hn::ScalableTag<T> d;
  for (Index r = 0; r < rows; ++r, x += n, y += n) {
    const T m = centred ? row_sum(x, n) / static_cast<T>(n) : T{0};
    const auto shift = hn::Set(d, m);
    const T squares = sum_of<T>(n, [&](Index i, Index k) {
      const auto c = hn::Sub(load(x + i, k), shift);
      return hn::Mul(c, c);
    });
    const T s = T{1} / std::sqrt(squares / static_cast<T>(n) + static_cast<T>(eps));
    mean[r] = m, rstd[r] = s;
    const auto scale = hn::Set(d, s);
    each<T>(n, [&](Index i, Index k) {
      auto v = hn::Mul(hn::Sub(load(x + i, k), shift), scale);
      if (gain) v = hn::Mul(v, load(gain + i, k));
      if (bias) v = hn::Add(v, load(bias + i, k));
      store(v, y + i, k);
    });
  }
}

// With h the normalised row and u = g gain: dx = rstd (u - mean(u) - h mean(u h)). For RMS norm the
// term mean(u) is left out.
template <class T>
void normalise_gradient_run(const T* g, const T* x, const T* gain, const T* mean, const T* rstd,
                            T* dx, T* dgain, T* dbias, Index rows, Index n, bool centred) {
  const hn::ScalableTag<T> d;
  for (Index r = 0; r < rows; ++r, g += n, x += n, dx += n) {
    const auto shift = hn::Set(d, mean[r]), scale = hn::Set(d, rstd[r]);
    const auto h_at = [&](Index i, Index k) {
      return hn::Mul(hn::Sub(load(x + i, k), shift), scale);
    };
    const auto u_at = [&](Index i, Index k) {
      const auto v = load(g + i, k);
      return gain ? hn::Mul(v, load(gain + i, k)) : v;
    };
    const T sum_u = centred ? sum_of<T>(n, u_at) : T{0};
    const T sum_uh =
        sum_of<T>(n, [&](Index i, Index k) { return hn::Mul(u_at(i, k), h_at(i, k)); });
    const auto mean_u = hn::Set(d, sum_u / static_cast<T>(n));
    const auto mean_uh = hn::Set(d, sum_uh / static_cast<T>(n));
    each<T>(n, [&](Index i, Index k) {
      const auto h = h_at(i, k), v = load(g + i, k);
      if (dgain) store(hn::MulAdd(v, h, load(dgain + i, k)), dgain + i, k);
      if (dbias) store(hn::Add(v, load(dbias + i, k)), dbias + i, k);
      const auto u = gain ? hn::Mul(v, load(gain + i, k)) : v;
      store(hn::Mul(scale, hn::NegMulAdd(h, mean_uh, hn::Sub(u, mean_u))), dx + i, k);
    });
  }
}

}  // namespace

UNROLL_KERNELS(RowsKernels, reduce_rows_run<T>, reduce_columns_run<T>, sum_of_squares_run<T>,
               softmax_run<T>, softmax_gradient_run<T>, logsumexp_run<T>, scaled_softmax_run<T>,
               normalise_run<T>, normalise_gradient_run<T>)

}  // namespace unroll::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace unroll::kernels {
UNROLL_EXPORT(RowsKernels)
}  // namespace unroll::kernels
#endif
