#include <unroll/tensor/kernels/rows.h>

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
template <class Op, class T, class F>
HWY_INLINE T fold(std::size_t n, F f) {
  const hn::ScalableTag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto none = hn::Set(d, Op::template identity<T>());
  auto a = none, b = none, c = none, e = none;  // four accumulators to hide latency
  std::size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    a = Op::f(a, f(i, lanes));
    b = Op::f(b, f(i + lanes, lanes));
    c = Op::f(c, f(i + 2 * lanes, lanes));
    e = Op::f(e, f(i + 3 * lanes, lanes));
  }
  for (; i + lanes <= n; i += lanes) a = Op::f(a, f(i, lanes));
  if (i < n) b = Op::f(b, hn::IfThenElse(hn::FirstN(d, n - i), f(i, n - i), none));
  return Op::all(d, Op::f(Op::f(a, b), Op::f(c, e)));
}

// Longer sums are split in halves (pairwise summation), so that the rounding error grows with the
// logarithm of their length.
constexpr std::size_t kBlock = 1024;

template <class T, class F>
double wide_sum(std::size_t begin, std::size_t n, const F& f) {
  if (n > kBlock) {
    const std::size_t half = (n / 2 + kBlock - 1) / kBlock * kBlock;
    return wide_sum<T>(begin, half, f) + wide_sum<T>(begin + half, n - half, f);
  }
  return fold<Add, T>(n, [&](std::size_t i, std::size_t k) { return f(begin + i, k); });
}
// The sum of f(i) over vectors at i = 0, lanes, ... of n elements.
template <class T, class F>
T sum_of(std::size_t n, const F& f) {
  return static_cast<T>(wide_sum<T>(0, n, f));
}
template <class T>
T row_sum(const T* x, std::size_t n) {
  return sum_of<T>(n, [&](std::size_t i, std::size_t k) { return load(x + i, k); });
}
template <class T>
T row_max(const T* x, std::size_t n) {
  return fold<Max, T>(n, [&](std::size_t i, std::size_t k) { return load(x + i, k); });
}
template <class T>
T row_min(const T* x, std::size_t n) {
  return fold<Min, T>(n, [&](std::size_t i, std::size_t k) { return load(x + i, k); });
}

template <class T>
void reduce_rows_run(Reduce op, const T* x, T* y, Index rows, std::size_t n) {
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
    hwy::Prefetch(x + kRowsAhead * stride + v * lanes);
    sum[v] = Op::f(sum[v], load(x + v * lanes, count(v)));
  }
  UNROLL_WRITTEN_OUT
  for (int v = 0; v < kWide; ++v) store(sum[v], total + v * lanes, count(v));
}

constexpr int kWide = 4;             // vectors: adjacent cache lines are read together
constexpr Index kChunkBytes = 4096;  // of a row: so much is read in order before the next rows
constexpr Index kRowsOfSum = 64;     // longer columns are summed pairwise
constexpr Index kRowsTogether = 8;   // read side by side: no more than L1 has ways

// Reduces `rows` rows of a chunk of n columns.
template <class Op, class T>
void reduce_chunk(const T* x, Index rows, Index stride, Index n, T* total) {
  const hn::ScalableTag<T> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  if (rows > kRowsOfSum) {
    const Index half = rows / 2;
    HWY_ALIGN T other[kChunkBytes / sizeof(T)];
    reduce_chunk<Op>(x, half, stride, n, total);
    reduce_chunk<Op>(x + half * stride, rows - half, stride, n, other);
    each<T>(n, [&](Index i, Index k) HWY_ATTR {
      store(Op::f(load(total + i, k), load(other + i, k)), total + i, k);
    });
    return;
  }
  const Index together = n <= kWide * lanes ? kRowsOfSum : kRowsTogether;
  Index r = 0;
  do {  // no rows: the identity
    const Index count = std::min(together, rows - r);
    Index i = 0;
    for (; i + kWide * lanes <= n; i += kWide * lanes)
      add_strip<Op, kWide>(x + i, count, stride, lanes, r == 0, total + i);
    for (; i < n; i += lanes)
      add_strip<Op, 1>(x + i, count, stride, std::min(lanes, n - i), r == 0, total + i);
    r += together, x += together * stride;
  } while (r < rows);
}
template <class Op, class T>
void columns(const T* x, Index stride, T* y, Index rows, Index n) {
  constexpr Index kChunk = kChunkBytes / sizeof(T);
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
double sum_of_squares_run(const T* x, std::size_t n, double scale) {
  const hn::ScalableTag<double> d;
  const auto divisor = hn::Set(d, scale);
  return wide_sum<double>(0, n, [&](std::size_t i, std::size_t k) {
    auto v = load_wide(x + i, static_cast<Index>(k));
    if (scale != 1) v = hn::Div(v, divisor);
    return hn::Mul(v, v);
  });
}

template <class T>
struct LogSum {
  T top, log_sum;  // as in logsumexp_rows
};
template <class T>
LogSum<T> row_logsumexp(const T* x, std::size_t n) {
  const hn::ScalableTag<T> d;
  const T top = row_max(x, n);
  if (!(std::abs(top) < std::numeric_limits<T>::infinity())) return {top, 0};  // infinite or NaN
  const auto shift = hn::Set(d, top);
  const T sum = sum_of<T>(
      n, [&](std::size_t i, std::size_t k) { return exp(d, hn::Sub(load(x + i, k), shift)); });
  return {top, std::log(sum)};
}

template <class T>
void softmax_run(const T* x, T* y, Index rows, std::size_t n, bool logarithm) {
  const hn::ScalableTag<T> d;
  constexpr T kInf = std::numeric_limits<T>::infinity();
  for (Index r = 0; r < rows; ++r, x += n, y += n) {
    if (logarithm) {
      const LogSum<T> all = row_logsumexp(x, n);
      const auto shift = hn::Set(d, all.top == -kInf ? T{0} : all.top);
      const auto log_sum = hn::Set(d, all.log_sum);
      each<T>(n, [&](std::size_t i, std::size_t k) {
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
    const T sum = sum_of<T>(n, [&](std::size_t i, std::size_t k) {
      const auto e = exp(d, hn::Sub(load(x + i, k), shift));
      store(e, y + i, k);
      return e;
    });
    const auto scale = hn::Set(d, T{1} / sum);
    each<T>(n,
            [&](std::size_t i, std::size_t k) { store(hn::Mul(load(y + i, k), scale), y + i, k); });
  }
}

template <class T>
void softmax_gradient_run(const T* g, const T* y, T* dx, Index rows, std::size_t n,
                          bool logarithm) {
  const hn::ScalableTag<T> d;
  for (Index r = 0; r < rows; ++r, g += n, y += n, dx += n) {
    if (logarithm) {
      const auto sum = hn::Set(d, row_sum(g, n));
      each<T>(n, [&](std::size_t i, std::size_t k) {
        store(hn::NegMulAdd(exp(d, load(y + i, k)), sum, load(g + i, k)), dx + i, k);
      });
    } else {
      const auto sum = hn::Set(d, sum_of<T>(n, [&](std::size_t i, std::size_t k) {
                                 return hn::Mul(load(g + i, k), load(y + i, k));
                               }));
      each<T>(n, [&](std::size_t i, std::size_t k) {
        store(hn::Mul(load(y + i, k), hn::Sub(load(g + i, k), sum)), dx + i, k);
      });
    }
  }
}

template <class T>
void logsumexp_run(const T* x, T* top, T* log_sum, Index rows, std::size_t n) {
  for (Index r = 0; r < rows; ++r, x += n) {
    const LogSum<T> all = row_logsumexp(x, n);
    top[r] = all.top, log_sum[r] = all.log_sum;
  }
}

template <class T>
void scaled_softmax_run(const T* x, const T* top, const T* log_sum, const T* scale, T* y,
                        Index rows, std::size_t n) {
  const hn::ScalableTag<T> d;
  for (Index r = 0; r < rows; ++r, x += n, y += n) {
    if (scale[r] == 0) {
      std::fill(y, y + n, T{0});
      continue;
    }
    const auto shift = hn::Set(d, top[r]), log = hn::Set(d, log_sum[r]);
    const auto factor = hn::Set(d, scale[r]);
    each<T>(n, [&](std::size_t i, std::size_t k) {
      const auto log_p = hn::Sub(hn::Sub(load(x + i, k), shift), log);
      store(hn::Mul(exp(d, log_p), factor), y + i, k);
    });
  }
}

template <class T>
void normalise_run(const T* x, const T* gain, const T* bias, T* y, T* mean, T* rstd, Index rows,
                   std::size_t n, double eps, bool centred) {
  const hn::ScalableTag<T> d;
  for (Index r = 0; r < rows; ++r, x += n, y += n) {
    const T m = centred ? row_sum(x, n) / static_cast<T>(n) : T{0};
    const auto shift = hn::Set(d, m);
    const T squares = sum_of<T>(n, [&](std::size_t i, std::size_t k) {
      const auto c = hn::Sub(load(x + i, k), shift);
      return hn::Mul(c, c);
    });
    const T s = T{1} / std::sqrt(squares / static_cast<T>(n) + static_cast<T>(eps));
    mean[r] = m, rstd[r] = s;
    const auto scale = hn::Set(d, s);
    each<T>(n, [&](std::size_t i, std::size_t k) {
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
                            T* dx, T* dgain, T* dbias, Index rows, std::size_t n, bool centred) {
  const hn::ScalableTag<T> d;
  for (Index r = 0; r < rows; ++r, g += n, x += n, dx += n) {
    const auto shift = hn::Set(d, mean[r]), scale = hn::Set(d, rstd[r]);
    const auto h_at = [&](std::size_t i, std::size_t k) {
      return hn::Mul(hn::Sub(load(x + i, k), shift), scale);
    };
    const auto u_at = [&](std::size_t i, std::size_t k) {
      const auto v = load(g + i, k);
      return gain ? hn::Mul(v, load(gain + i, k)) : v;
    };
    const T sum_u = centred ? sum_of<T>(n, u_at) : T{0};
    const T sum_uh =
        sum_of<T>(n, [&](std::size_t i, std::size_t k) { return hn::Mul(u_at(i, k), h_at(i, k)); });
    const auto mean_u = hn::Set(d, sum_u / static_cast<T>(n));
    const auto mean_uh = hn::Set(d, sum_uh / static_cast<T>(n));
    each<T>(n, [&](std::size_t i, std::size_t k) {
      const auto h = h_at(i, k), v = load(g + i, k);
      if (dgain) store(hn::MulAdd(v, h, load(dgain + i, k)), dgain + i, k);
      if (dbias) store(hn::Add(v, load(dbias + i, k)), dbias + i, k);
      const auto u = gain ? hn::Mul(v, load(gain + i, k)) : v;
      store(hn::Mul(scale, hn::NegMulAdd(h, mean_uh, hn::Sub(u, mean_u))), dx + i, k);
    });
  }
}

}  // namespace

#define UNROLL_FOR(T, s)                                                                           \
  void reduce_rows_##s(Reduce op, const T* x, T* y, Index rows, Index n) {                         \
    reduce_rows_run(op, x, y, rows, n);                                                            \
  }                                                                                                \
  void reduce_columns_##s(Reduce op, const T* x, Index stride, T* y, Index rows, Index n) {        \
    reduce_columns_run(op, x, stride, y, rows, n);                                                 \
  }                                                                                                \
  void softmax_##s(const T* x, T* y, Index rows, Index n, bool logarithm) {                        \
    softmax_run(x, y, rows, n, logarithm);                                                         \
  }                                                                                                \
  void softmax_gradient_##s(const T* g, const T* y, T* dx, Index rows, Index n, bool logarithm) {  \
    softmax_gradient_run(g, y, dx, rows, n, logarithm);                                            \
  }                                                                                                \
  double sum_of_squares_##s(const T* x, Index n, double scale) {                                   \
    return sum_of_squares_run(x, n, scale);                                                        \
  }                                                                                                \
  void logsumexp_##s(const T* x, T* top, T* log_sum, Index rows, Index n) {                        \
    logsumexp_run(x, top, log_sum, rows, n);                                                       \
  }                                                                                                \
  void scaled_softmax_##s(const T* x, const T* top, const T* log_sum, const T* scale, T* y,        \
                          Index rows, Index n) {                                                   \
    scaled_softmax_run(x, top, log_sum, scale, y, rows, n);                                        \
  }                                                                                                \
  void normalise_##s(const T* x, const T* gain, const T* bias, T* y, T* mean, T* rstd, Index rows, \
                     Index n, double eps, bool centred) {                                          \
    normalise_run(x, gain, bias, y, mean, rstd, rows, n, eps, centred);                            \
  }                                                                                                \
  void normalise_gradient_##s(const T* g, const T* x, const T* gain, const T* mean, const T* rstd, \
                              T* dx, T* dgain, T* dbias, Index rows, Index n, bool centred) {      \
    normalise_gradient_run(g, x, gain, mean, rstd, dx, dgain, dbias, rows, n, centred);            \
  }
UNROLL_FOR(float, f32)
UNROLL_FOR(double, f64)
#undef UNROLL_FOR

}  // namespace unroll::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace unroll::kernels {

#define UNROLL_EXPORT(T, s)                                                                      \
  HWY_EXPORT(reduce_rows_##s);                                                                   \
  HWY_EXPORT(reduce_columns_##s);                                                                \
  HWY_EXPORT(softmax_##s);                                                                       \
  HWY_EXPORT(softmax_gradient_##s);                                                              \
  HWY_EXPORT(logsumexp_##s);                                                                     \
  HWY_EXPORT(sum_of_squares_##s);                                                                \
  HWY_EXPORT(scaled_softmax_##s);                                                                \
  HWY_EXPORT(normalise_##s);                                                                     \
  HWY_EXPORT(normalise_gradient_##s);                                                            \
  template <>                                                                                    \
  void reduce_rows<T>(Reduce op, const T* x, T* y, Index rows, Index n) {                        \
    HWY_DYNAMIC_DISPATCH(reduce_rows_##s)(op, x, y, rows, n);                                    \
  }                                                                                              \
  template <>                                                                                    \
  void reduce_columns<T>(Reduce op, const T* x, Index stride, T* y, Index rows, Index n) {       \
    HWY_DYNAMIC_DISPATCH(reduce_columns_##s)(op, x, stride, y, rows, n);                         \
  }                                                                                              \
  template <>                                                                                    \
  void softmax_rows<T>(const T* x, T* y, Index rows, Index n, bool logarithm) {                  \
    HWY_DYNAMIC_DISPATCH(softmax_##s)(x, y, rows, n, logarithm);                                 \
  }                                                                                              \
  template <>                                                                                    \
  void softmax_rows_gradient<T>(const T* g, const T* y, T* dx, Index rows, Index n,              \
                                bool logarithm) {                                                \
    HWY_DYNAMIC_DISPATCH(softmax_gradient_##s)(g, y, dx, rows, n, logarithm);                    \
  }                                                                                              \
  template <>                                                                                    \
  double sum_of_squares<T>(const T* x, Index n, double scale) {                                  \
    return HWY_DYNAMIC_DISPATCH(sum_of_squares_##s)(x, n, scale);                                \
  }                                                                                              \
  template <>                                                                                    \
  void logsumexp_rows<T>(const T* x, T* top, T* log_sum, Index rows, Index n) {                  \
    HWY_DYNAMIC_DISPATCH(logsumexp_##s)(x, top, log_sum, rows, n);                               \
  }                                                                                              \
  template <>                                                                                    \
  void scaled_softmax_rows<T>(const T* x, const T* top, const T* log_sum, const T* scale, T* y,  \
                              Index rows, Index n) {                                             \
    HWY_DYNAMIC_DISPATCH(scaled_softmax_##s)(x, top, log_sum, scale, y, rows, n);                \
  }                                                                                              \
  template <>                                                                                    \
  void normalise_rows<T>(const T* x, const T* gain, const T* bias, T* y, T* mean, T* rstd,       \
                         Index rows, Index n, double eps, bool centred) {                        \
    HWY_DYNAMIC_DISPATCH(normalise_##s)(x, gain, bias, y, mean, rstd, rows, n, eps, centred);    \
  }                                                                                              \
  template <>                                                                                    \
  void normalise_rows_gradient<T>(const T* g, const T* x, const T* gain, const T* mean,          \
                                  const T* rstd, T* dx, T* dgain, T* dbias, Index rows, Index n, \
                                  bool centred) {                                                \
    HWY_DYNAMIC_DISPATCH(normalise_gradient_##s)                                                 \
    (g, x, gain, mean, rstd, dx, dgain, dbias, rows, n, centred);                                \
  }
UNROLL_EXPORT(float, f32)
UNROLL_EXPORT(double, f64)
#undef UNROLL_EXPORT

}  // namespace unroll::kernels
#endif
