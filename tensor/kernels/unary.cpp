// One small struct for each function of one variable: its value and its derivative.
#include <unroll/tensor/kernels/elementwise.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "unroll/tensor/kernels/unary.cpp"
#include <hwy/foreach_target.h>

#include <unroll/tensor/kernels/simd_math.h>

HWY_BEFORE_NAMESPACE();
namespace unroll::kernels::HWY_NAMESPACE {
namespace functions {

template <class D>
HWY_INLINE auto number(D d, double value) {
  return hn::Set(d, static_cast<hn::TFromD<D>>(value));
}

// f(d, x, p, q) is the value; gradient(d, g, s, p, q) is g times the derivative, s being the x or y
// that UNROLL_UNARY_OPS names.
#define UNROLL_FUNCTION(name, value, derivative)                                       \
  struct name {                                                                        \
    template <class D, class V>                                                        \
    static HWY_INLINE V f(D d, V x, [[maybe_unused]] V p, [[maybe_unused]] V q) {      \
      (void)d;                                                                         \
      return value;                                                                    \
    }                                                                                  \
    template <class D, class V>                                                        \
    static HWY_INLINE V gradient(D d, V g, [[maybe_unused]] V s, [[maybe_unused]] V p, \
                                 [[maybe_unused]] V q) {                               \
      (void)d;                                                                         \
      return derivative;                                                               \
    }                                                                                  \
  };

UNROLL_FUNCTION(neg, hn::Neg(x), hn::Neg(g))
UNROLL_FUNCTION(exp, HWY_NAMESPACE::exp(d, x), hn::Mul(g, s))
UNROLL_FUNCTION(log, HWY_NAMESPACE::log(d, x), hn::Div(g, s))
UNROLL_FUNCTION(sqrt, hn::Sqrt(x), hn::Div(hn::Mul(g, number(d, 0.5)), s))
UNROLL_FUNCTION(abs, hn::Abs(x),
                hn::IfThenElse(hn::Eq(s, hn::Zero(d)), hn::Zero(d),
                               hn::Xor(g, hn::And(hn::SignBit(d), s))))
UNROLL_FUNCTION(square, hn::Mul(x, x), hn::Mul(hn::Add(g, g), s))
UNROLL_FUNCTION(reciprocal, hn::Div(number(d, 1), x), hn::Neg(hn::Mul(g, hn::Mul(s, s))))
UNROLL_FUNCTION(sin, HWY_NAMESPACE::sin(d, x), hn::Mul(g, HWY_NAMESPACE::cos(d, s)))
UNROLL_FUNCTION(cos, HWY_NAMESPACE::cos(d, x), hn::Neg(hn::Mul(g, HWY_NAMESPACE::sin(d, s))))
UNROLL_FUNCTION(tanh, HWY_NAMESPACE::tanh(d, x), hn::Mul(g, hn::NegMulAdd(s, s, number(d, 1))))
UNROLL_FUNCTION(sigmoid, HWY_NAMESPACE::sigmoid(d, x),
                hn::Mul(g, hn::Mul(s, hn::Sub(number(d, 1), s))))
// Written so that NaN stays NaN.
UNROLL_FUNCTION(relu, hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Zero(d), x),
                hn::IfThenElseZero(hn::Gt(s, hn::Zero(d)), g))
UNROLL_FUNCTION(leaky_relu, hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Mul(p, x), x),
                hn::IfThenElse(hn::Gt(s, hn::Zero(d)), g, hn::Mul(p, g)))
UNROLL_FUNCTION(elu,
                hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, hn::Mul(p, expm1(d, at_most(d, x, 0)))),
                hn::IfThenElse(hn::Gt(s, hn::Zero(d)), g,
                               hn::Mul(g, hn::Mul(p, HWY_NAMESPACE::exp(d, s)))))
UNROLL_FUNCTION(gelu, hn::Mul(x, normal_probability(d, x)),
                hn::Mul(g, hn::MulAdd(s, normal_density(d, s), normal_probability(d, s))))

// 0.5 x (1 + tanh(u)) with u = sqrt(2 / pi) (x + 0.044715 x^3), which is x sigmoid(2u).
struct gelu_tanh {
  template <class D, class V>
  static HWY_INLINE V twice_u(D d, V x) {
    const V cubic = hn::MulAdd(hn::Mul(x, x), number(d, 0.044715), number(d, 1));
    return hn::Mul(hn::Mul(x, cubic), number(d, 2 * 0.797884560802865355880));
  }
  template <class D, class V>
  static HWY_INLINE V f(D d, V x, V, V) {
    return hn::Mul(x, sigmoid_pair(d, twice_u(d, x)).y);
  }
  template <class D, class V>
  static HWY_INLINE V gradient(D d, V g, V s, V, V) {
    const auto [y, rest] = sigmoid_pair(d, twice_u(d, s));
    const V slope = hn::Mul(hn::MulAdd(hn::Mul(s, s), number(d, 3 * 0.044715), number(d, 1)),
                            number(d, 2 * 0.797884560802865355880));
    const V inner = hn::Mul(hn::Mul(s, slope), hn::Mul(y, rest));
    return hn::Mul(g, hn::Add(y, inner));
  }
};

struct silu {
  template <class D, class V>
  static HWY_INLINE V f(D d, V x, V, V) {
    return hn::Mul(x, sigmoid_pair(d, x).y);
  }
  template <class D, class V>
  static HWY_INLINE V gradient(D d, V g, V s, V, V) {
    const auto [y, rest] = sigmoid_pair(d, s);
    return hn::Mul(g, hn::Mul(y, hn::MulAdd(s, rest, number(d, 1))));
  }
};

UNROLL_FUNCTION(softplus, HWY_NAMESPACE::softplus(d, x), hn::Mul(g, HWY_NAMESPACE::sigmoid(d, s)))
UNROLL_FUNCTION(clamp, hn::IfThenElse(hn::Lt(x, p), p, hn::IfThenElse(hn::Gt(x, q), q, x)),
                hn::IfThenElseZero(hn::And(hn::Ge(s, p), hn::Le(s, q)), g))
#undef UNROLL_FUNCTION

}  // namespace functions

template <class F, class T>
void unary_run(const T* x, T* y, std::size_t n, T p_value, T q_value) {
  const hn::ScalableTag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto p = hn::Set(d, p_value), q = hn::Set(d, q_value);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(F::f(d, hn::LoadU(d, x + i), p, q), d, y + i);
  if (i < n) store_n(F::f(d, load_n(d, x + i, n - i), p, q), d, y + i, n - i);
}

template <class F, class T>
void gradient_run(const T* g, const T* s, T* dx, std::size_t n, T p_value, T q_value) {
  const hn::ScalableTag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto p = hn::Set(d, p_value), q = hn::Set(d, q_value);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes)
    hn::StoreU(F::gradient(d, hn::LoadU(d, g + i), hn::LoadU(d, s + i), p, q), d, dx + i);
  if (i < n)
    store_n(F::gradient(d, load_n(d, g + i, n - i), load_n(d, s + i, n - i), p, q), d, dx + i,
            n - i);
}

#define UNROLL_VALUE(name, saved) \
  case Unary::name:               \
    return unary_run<functions::name>(x, y, n, p, q);
#define UNROLL_GRADIENT(name, saved) \
  case Unary::name:                  \
    return gradient_run<functions::name>(g, s, dx, n, p, q);

#define UNROLL_FOR(T, suffix)                                                                      \
  void unary_##suffix(Unary op, const T* x, T* y, std::size_t n, T p, T q) {                       \
    switch (op) { UNROLL_UNARY_OPS(UNROLL_VALUE) }                                                 \
  }                                                                                                \
  void unary_gradient_##suffix(Unary op, const T* g, const T* s, T* dx, std::size_t n, T p, T q) { \
    switch (op) { UNROLL_UNARY_OPS(UNROLL_GRADIENT) }                                              \
  }
UNROLL_FOR(float, f32)
UNROLL_FOR(double, f64)
#undef UNROLL_FOR
#undef UNROLL_VALUE
#undef UNROLL_GRADIENT

}  // namespace unroll::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace unroll::kernels {

HWY_EXPORT(unary_f32);
HWY_EXPORT(unary_f64);
HWY_EXPORT(unary_gradient_f32);
HWY_EXPORT(unary_gradient_f64);

template <>
void unary<float>(Unary op, const float* x, float* y, Index n, float p, float q) {
  HWY_DYNAMIC_DISPATCH(unary_f32)(op, x, y, static_cast<std::size_t>(n), p, q);
}
template <>
void unary<double>(Unary op, const double* x, double* y, Index n, double p, double q) {
  HWY_DYNAMIC_DISPATCH(unary_f64)(op, x, y, static_cast<std::size_t>(n), p, q);
}
template <>
void unary_gradient<float>(Unary op, const float* g, const float* s, float* dx, Index n, float p,
                           float q) {
  HWY_DYNAMIC_DISPATCH(unary_gradient_f32)(op, g, s, dx, static_cast<std::size_t>(n), p, q);
}
template <>
void unary_gradient<double>(Unary op, const double* g, const double* s, double* dx, Index n,
                            double p, double q) {
  HWY_DYNAMIC_DISPATCH(unary_gradient_f64)(op, g, s, dx, static_cast<std::size_t>(n), p, q);
}

}  // namespace unroll::kernels
#endif
