// Vectorised elementary functions, accurate to a few units in the last place. Included once per
// SIMD target.
//
// f32 has its own fast exp, tanh and erf; f64 and the other functions use Highway's.
#if defined(UNROLL_SIMD_MATH_H) == defined(HWY_TARGET_TOGGLE)
#ifdef UNROLL_SIMD_MATH_H
#undef UNROLL_SIMD_MATH_H
#else
#define UNROLL_SIMD_MATH_H
#endif

#include <unroll/tensor/types.h>

#include <hwy/cache_control.h>
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>

// For lambdas of passes over full vectors, which must be inlined.
#ifndef UNROLL_INLINED
#define UNROLL_INLINED __attribute__((always_inline))
#endif

// Unrolls loops with a constant count, so that arrays of vectors stay in registers.
#ifndef UNROLL_WRITTEN_OUT
#if defined(__clang__)
#define UNROLL_WRITTEN_OUT _Pragma("clang loop unroll(full)")
#else
#define UNROLL_WRITTEN_OUT _Pragma("GCC unroll 16")
#endif
#endif

// For UNROLL_EXPORT: the kernels for f64 of a target that has none.
#ifndef UNROLL_F64_TABLE
#if HWY_TARGETS & HWY_AVX2
#define UNROLL_F64_TABLE(Table, best) N_AVX2::Table##_here().of_f64
#else
#define UNROLL_F64_TABLE(Table, best) (best).of_f64
#endif
#endif

HWY_BEFORE_NAMESPACE();
namespace unroll::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class D>
using Is32 = std::integral_constant<bool, sizeof(hn::TFromD<D>) == 4>;

// Horner's scheme, highest power first.
template <class D, class V, class... C>
HWY_INLINE V horner(D d, V x, hn::TFromD<D> first, C... rest) {
  V p = hn::Set(d, first);
  ((p = hn::MulAdd(p, x, hn::Set(d, static_cast<hn::TFromD<D>>(rest)))), ...);
  return p;
}

// f32: exp(x) = 2^n (1 + rest), where exp of the remainder r, |r| <= ln 2 / 2, is a polynomial.
// Adding kRounder rounds to an integer and leaves n + 127, the exponent field of 2^n, in the low
// bits of `exponent`.
constexpr float kRounder = 0x1.8p23F + 127;
template <class VI, class V>
struct PowerOfTwo {
  VI exponent;
  V rest;
};
template <class D, class V>
HWY_INLINE auto split_exp(D d, V x) {
  const V shifted = hn::MulAdd(x, hn::Set(d, 1.44269504088896341F), hn::Set(d, kRounder));
  const V n = hn::Sub(shifted, hn::Set(d, kRounder));
  V r = hn::NegMulAdd(n, hn::Set(d, 0.693145751953125F), x);
  r = hn::NegMulAdd(n, hn::Set(d, 1.42860682030941723212e-6F), r);
  const V p = horner(d, r, 1.98756915e-4F, 1.39819995e-3F, 8.33345192e-3F, 4.16657962e-2F,
                     1.66666655e-1F, 5.00000001e-1F);
  const auto exponent = hn::BitCast(hn::RebindToSigned<D>(), shifted);
  return PowerOfTwo<hn::Vec<hn::RebindToSigned<D>>, V>{exponent, hn::MulAdd(p, hn::Mul(r, r), r)};
}

// exp(x). 2^n is applied in two factors, so that results near overflow and underflow are right.
template <class D, class V>
HWY_INLINE V exp(D d, V x) {
  if constexpr (Is32<D>::value) {
    const hn::RebindToSigned<D> di;
    // Outside this range the result is 0 or infinity anyway. NaN is passed on.
    const V c = hn::IfThenElse(hn::IsNaN(x), x,
                               hn::Min(hn::Max(x, hn::Set(d, -104.0F)), hn::Set(d, 89.0F)));
    const auto [exponent, rest] = split_exp(d, c);
    const auto n = hn::Sub(exponent, hn::BitCast(di, hn::Set(d, kRounder)));
    const auto half = hn::ShiftRight<1>(n);
    const auto bias = hn::Set(di, 127);
    const V a = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(half, bias)));
    const V b = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(hn::Sub(n, half), bias)));
    return hn::Mul(hn::MulAdd(rest, a, a), b);
  } else {
    // Highway's exp wraps around for inputs far beyond the overflow threshold.
    return hn::IfThenElse(hn::IsNaN(x), x, hn::Exp(d, hn::Min(x, hn::Set(d, 710.0))));
  }
}

// exp(x) for x in [-kNear, 0] or NaN. Below -87.33 the result would be denormal; from -87.69 on it
// is exactly 0, because n + 127 is 0 there.
constexpr float kNear = 88.0F;
template <class D, class V>
HWY_INLINE V exp_near(D d, V x) {
  if constexpr (Is32<D>::value) {
    const auto [exponent, rest] = split_exp(d, x);
    const V power = hn::BitCast(d, hn::ShiftLeft<23>(exponent));
    return hn::MulAdd(rest, power, power);
  } else {
    return exp(d, x);
  }
}

// a / b for b in [1, 2]. AVX-512's division of f32 takes longer than the CPU's estimate of 1 / b
// and a step of Newton's method, which adds what is missing to the estimate: 1 / 1 is exactly 1.
template <class D>
constexpr bool kEstimates = Is32<D>::value&& HWY_TARGET <= HWY_AVX3;
template <class D, class V>
HWY_INLINE V divide(D d, V a, V b) {
  if constexpr (kEstimates<D>) {
    const V r = hn::ApproximateReciprocal(b);
    return hn::Mul(a, hn::MulAdd(r, hn::NegMulAdd(b, r, hn::Set(d, 1.0F)), r));
  } else {
    return hn::Div(a, b);
  }
}
// Adds what is missing to the quotient, which is closer; but that is lost where it is no normal
// number any more: for small a, b must be 2, of which the estimate is exact.
template <class D, class V>
HWY_INLINE V divide_closely(D, V a, V b) {
  if constexpr (kEstimates<D>) {
    const V r = hn::ApproximateReciprocal(b), q = hn::Mul(a, r);
    return hn::MulAdd(r, hn::NegMulAdd(b, q, a), q);
  } else {
    return hn::Div(a, b);
  }
}

// The min (max) of x and a limit; NaN if x is NaN. x86 returns the second operand if one is NaN.
constexpr bool kSecondOfNaN = HWY_ARCH_X86 && HWY_TARGET <= HWY_SSSE3;
template <class D, class V>
HWY_INLINE V at_most(D d, V x, hn::TFromD<D> limit) {
  const V top = hn::Set(d, limit);
  return kSecondOfNaN ? hn::Min(top, x) : hn::IfThenElse(hn::Gt(x, top), top, x);
}
template <class D, class V>
HWY_INLINE V at_least(D d, V x, hn::TFromD<D> limit) {
  const V bottom = hn::Set(d, limit);
  return kSecondOfNaN ? hn::Max(bottom, x) : hn::IfThenElse(hn::Lt(x, bottom), bottom, x);
}
template <class D, class V>
HWY_INLINE V minus_abs(D d, V x) {
  return hn::Or(x, hn::SignBit(d));
}

// sigmoid(x) and 1 - sigmoid(x) from e = exp(-|x|), each accurate to the last place.
template <class V>
struct SigmoidPair {
  V y, rest;
};
// For functions that multiply it by x: 0 where x is far below 0.
template <class D, class V>
HWY_INLINE SigmoidPair<V> sigmoid_pair(D d, V x) {
  const V one = hn::Set(d, 1), e = exp(d, minus_abs(d, x));
  const V large = divide(d, one, hn::Add(one, e)), small = hn::Mul(e, large);
  return {hn::IfNegativeThenElse(x, small, large), hn::IfNegativeThenElse(x, large, small)};
}
// For gates: exactly 1 from 17 on and exactly 0 from -88 on.
template <class D, class V>
HWY_INLINE V sigmoid(D d, V x) {
  V y = minus_abs(d, x);
  if constexpr (Is32<D>::value) y = at_least(d, y, -kNear);
  const V one = hn::Set(d, 1), e = exp_near(d, y);
  return divide(d, hn::IfNegativeThenElse(x, e, one), hn::Add(one, e));
}

// -m / (2 + m) with m = exp(-2|x|) - 1, which is exact near 0: there 2^n is 1, and m is `rest`.
template <class D, class V>
HWY_INLINE V tanh(D d, V x) {
  if constexpr (Is32<D>::value) {
    const V y = at_least(d, minus_abs(d, x), -20.0F);  // beyond which tanh is 1
    const auto [exponent, rest] = split_exp(d, hn::Add(y, y));
    const V power = hn::BitCast(d, hn::ShiftLeft<23>(exponent));
    const V one = hn::Set(d, 1.0F);
    const V minus = hn::MulAdd(rest, power, hn::Sub(power, one));
    const V plus = hn::MulAdd(rest, power, hn::Add(power, one));
    return hn::CopySign(divide_closely(d, minus, plus), x);
  } else {
    return hn::IfThenElse(hn::IsNaN(x), x, hn::Tanh(d, x));
  }
}

template <class D, class V>
HWY_INLINE V expm1(D d, V x) {
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Expm1(d, x));
}

template <class D, class V>
HWY_INLINE V log(D d, V x) {
  using T = hn::TFromD<D>;
  const V inf = hn::Set(d, static_cast<T>(INFINITY));
  V y = hn::Log(d, x);
  y = hn::IfThenElse(hn::Eq(x, inf), inf, y);
  y = hn::IfThenElse(hn::Eq(x, hn::Zero(d)), hn::Neg(inf), y);
  return hn::IfThenElse(hn::Or(hn::Lt(x, hn::Zero(d)), hn::IsNaN(x)),
                        hn::Set(d, static_cast<T>(NAN)), y);
}

// log(1 + exp(x)) without overflow: max(x, 0) + log1p(exp(-|x|)).
template <class D, class V>
HWY_INLINE V softplus(D d, V x) {
  const V tail = hn::Log1p(d, exp(d, minus_abs(d, x)));
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Add(hn::Max(x, hn::Zero(d)), tail));
}

// Calls a scalar function for each lane: for rare or exact cases.
template <class D, class V, class F>
HWY_INLINE V each_lane(D d, V x, F f) {
  using T = hn::TFromD<D>;
  HWY_ALIGN T lanes[HWY_MAX_BYTES / sizeof(T)] = {};
  hn::Store(x, d, lanes);
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) lanes[i] = f(lanes[i]);
  return hn::Load(d, lanes);
}

// f32: a rational approximation on [-4, 4]; beyond that erf is 1 to the last place.
template <class D, class V>
HWY_INLINE V erf(D d, V x) {
  if constexpr (Is32<D>::value) {
    const V c = hn::Min(hn::Max(x, hn::Set(d, -4.0F)), hn::Set(d, 4.0F));
    const V s = hn::Mul(c, c);
    const V p = horner(d, s, -2.72614225801306e-10F, 2.77068142495902e-08F, -2.10102402082508e-06F,
                       -5.69250639462346e-05F, -7.34990630326855e-04F, -2.95459980854025e-03F,
                       -1.60960333262415e-02F);
    const V q = horner(d, s, -1.45660718464996e-05F, -2.13374055278905e-04F, -1.68282697438203e-03F,
                       -7.37332916720468e-03F, -1.42647390514189e-02F);
    return hn::IfThenElse(hn::IsNaN(x), x, hn::Div(hn::Mul(c, p), q));
  } else {
    return each_lane(d, x, [](double v) { return std::erf(v); });
  }
}

// Sine and cosine: Highway's in the range where they are accurate, otherwise the C library's.
template <class D, class V>
HWY_INLINE V sin(D d, V x) {
  const auto far = hn::Not(hn::Lt(hn::Abs(x), hn::Set(d, 30000)));
  if (HWY_UNLIKELY(!hn::AllFalse(d, far)))
    return each_lane(d, x, [](auto v) { return std::sin(v); });
  return hn::Sin(d, x);
}
template <class D, class V>
HWY_INLINE V cos(D d, V x) {
  const auto far = hn::Not(hn::Lt(hn::Abs(x), hn::Set(d, 30000)));
  if (HWY_UNLIKELY(!hn::AllFalse(d, far)))
    return each_lane(d, x, [](auto v) { return std::cos(v); });
  return hn::Cos(d, x);
}

// The density of the standard normal distribution.
template <class D, class V>
HWY_INLINE V normal_density(D d, V x) {
  using T = hn::TFromD<D>;
  return hn::Mul(hn::Set(d, static_cast<T>(0.398942280401432677939946)),
                 exp(d, hn::Mul(hn::Mul(x, x), hn::Set(d, static_cast<T>(-0.5)))));
}
template <class D, class V>
HWY_INLINE V normal_probability(D d, V x) {
  using T = hn::TFromD<D>;
  const V half = hn::Set(d, static_cast<T>(0.5));
  // 1 + erf cancels in the left tail, where f32 has an absolute accuracy of 2^-24 only.
  if constexpr (!Is32<D>::value)
    return each_lane(d, x, [](double v) { return 0.5 * std::erfc(v * -0.707106781186547524); });
  return hn::MulAdd(half, erf(d, hn::Mul(x, hn::Set(d, static_cast<T>(0.707106781186547524)))),
                    half);
}

// The same, accurate in the left tail too: erfc(z) = t exp(-z^2 + p(t)) with t = 1 / (1 + z / 2)
// (Press et al., Numerical Recipes, 6.2), where z^2 includes its own rounding error.
template <class D, class V>
HWY_INLINE V normal_cdf(D d, V x) {
  const V near = normal_probability(d, x);
  if constexpr (Is32<D>::value) {
    const V c = at_least(d, x, -40.0F);  // it is 0 below
    const V one = hn::Set(d, 1.0F), z = hn::Mul(hn::Abs(c), hn::Set(d, 0.707106781F));
    const V t = hn::Div(one, hn::MulAdd(z, hn::Set(d, 0.5F), one));
    const V p = horner(d, t, 0.17087277F, -0.82215223F, 1.48851587F, -1.13520398F, 0.27886807F,
                       -0.18628806F, 0.09678418F, 0.37409196F, 1.00002368F, -1.26551223F);
    const V half = hn::Set(d, 0.5F), square = hn::Mul(c, c);
    const V rest = hn::Mul(hn::MulSub(c, c, square), half);
    const V tail = hn::Mul(hn::Mul(t, half), hn::Mul(exp(d, hn::Neg(hn::Mul(square, half))),
                                                     exp(d, hn::Sub(p, rest))));
    return hn::IfThenElse(hn::Lt(x, hn::Set(d, -1.0F)), tail, near);
  } else {
    return near;
  }
}

// Loads and stores the last n elements, n below the number of lanes. The other lanes are 0.
template <class D>
HWY_INLINE hn::Vec<D> load_n(D d, const hn::TFromD<D>* from, std::size_t n) {
#if HWY_TARGET <= HWY_AVX2  // a masked load does not touch the rest
  return hn::MaskedLoad(hn::FirstN(d, n), d, from);
#else
  HWY_ALIGN hn::TFromD<D> lanes[HWY_MAX_BYTES / sizeof(hn::TFromD<D>)] = {};
  for (std::size_t i = 0; i < n; ++i) lanes[i] = from[i];
  return hn::Load(d, lanes);
#endif
}
template <class D>
HWY_INLINE void store_n(hn::Vec<D> v, D d, hn::TFromD<D>* to, std::size_t n) {
#if HWY_TARGET <= HWY_AVX2
  hn::BlendedStore(v, hn::FirstN(d, n), d, to);
#else
  HWY_ALIGN hn::TFromD<D> lanes[HWY_MAX_BYTES / sizeof(hn::TFromD<D>)] = {};
  hn::Store(v, d, lanes);
  for (std::size_t i = 0; i < n; ++i) to[i] = lanes[i];
#endif
}

// Loads and stores n elements, n up to the number of lanes.
template <class T>
HWY_INLINE auto load(const T* x, Index n) {
  const hn::ScalableTag<T> d;
  return n == static_cast<Index>(hn::Lanes(d)) ? hn::LoadU(d, x)
                                               : load_n(d, x, static_cast<std::size_t>(n));
}
template <class T, class V>
HWY_INLINE void store(V v, T* x, Index n) {
  const hn::ScalableTag<T> d;
  if (n == static_cast<Index>(hn::Lanes(d))) {
    hn::StoreU(v, d, x);
  } else {
    store_n(v, d, x, static_cast<std::size_t>(n));
  }
}

// Converts elements of T to a vector of f64, and back; n as for load and store.
template <class T>
HWY_INLINE auto load_wide(const T* x, Index n) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<T, decltype(d)> from;
  const auto v = n == static_cast<Index>(hn::Lanes(d))
                     ? hn::LoadU(from, x)
                     : load_n(from, x, static_cast<std::size_t>(n));
  if constexpr (sizeof(T) == 8) {
    return v;
  } else {
    return hn::PromoteTo(d, v);
  }
}
template <class T, class V>
HWY_INLINE void store_wide(V v, T* x, Index n) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<T, decltype(d)> to;
  const auto narrow = [&] {
    if constexpr (sizeof(T) == 8) {
      return v;
    } else {
      return hn::DemoteTo(to, v);
    }
  }();
  if (n == static_cast<Index>(hn::Lanes(d))) {
    hn::StoreU(narrow, to, x);
  } else {
    store_n(narrow, to, x, static_cast<std::size_t>(n));
  }
}

// Whether loops over T are compiled for size: for f64, whose functions are long, and for the target
// of CPUs without AVX2.
constexpr bool kBaseline = HWY_ARCH_X86 && HWY_TARGET > HWY_AVX2;
template <class T>
constexpr bool kCompact = sizeof(T) == 8 || kBaseline;

// Calls f(j, count) for each vector of a row of n elements, the tail last. Where size counts, f is
// instantiated once and handles full and partial vectors alike.
template <class T, class F>
HWY_INLINE void each(Index n, F f) {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<T>()));
  Index j = 0;
  if constexpr (kCompact<T>) {
    for (; j < n; j += lanes) f(j, std::min(lanes, n - j));
    return;
  }
  for (; j + lanes <= n; j += lanes) f(j, lanes);
  if (j < n) f(j, n - j);
}

// Calls pass(from, to, count) with a count that is a multiple of the lanes; the tail of the n
// elements goes through buffers, so that a pass needs only one loop. `to` may be one of `from`.
// Operands with stride 0 are one vector used throughout.
template <std::size_t kFrom, class T, class F>
HWY_INLINE void whole_vectors(const T* const (&from)[kFrom], const Index (&strides)[kFrom], T* to,
                              Index n, F pass) {
  const hn::ScalableTag<T> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d)), rest = n % lanes, whole = n - rest;
  if (whole > 0) pass(from, to, whole);
  if (rest > 0) {
    HWY_ALIGN T edges[kFrom][HWY_MAX_BYTES / sizeof(T)];
    const T* edge[kFrom];
    for (std::size_t i = 0; i < kFrom; ++i) {
      hn::Store(load(from[i] + whole * strides[i], rest), d, edges[i]);
      edge[i] = edges[i];
    }
    pass(edge, edges[0], lanes);
    store(hn::Load(d, edges[0]), to + whole, rest);
  }
}

// Calls f(a, b), where an operand with stride 0 (one value for all) is replaced by a vector of
// copies.
template <class T, class F>
HWY_INLINE void copies_of_one(const T* a, Index stride_a, const T* b, Index stride_b, F f) {
  const hn::ScalableTag<T> d;
  HWY_ALIGN T copies[2][HWY_MAX_BYTES / sizeof(T)];
  if (stride_a == 0) hn::Store(hn::Set(d, *a), d, copies[0]), a = copies[0];
  if (stride_b == 0) hn::Store(hn::Set(d, *b), d, copies[1]), b = copies[1];
  f(a, b);
}

}  // namespace unroll::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
