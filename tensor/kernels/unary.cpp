// One small struct for each function of one variable: its value and its derivative.
#include <unroll/tensor/kernels/elementwise.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "unroll/tensor/kernels/unary.cpp"
#include <hwy/foreach_target.h>

#include <unroll/tensor/kernels/simd_math.h>

HWY_BEFORE_NAMESPACE();
namespace unroll::kernels::HWY_NAMESPACE {
namespace {
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

// A gradient at s: NaN where s is.
template <class V>
HWY_INLINE V or_nan(V gradient, V s) {
  return hn::IfThenElse(hn::IsNaN(s), s, gradient);
}

UNROLL_FUNCTION(neg, hn::Neg(x), hn::Neg(g))
UNROLL_FUNCTION(exp, HWY_NAMESPACE::exp(d, x), hn::Mul(g, s))
UNROLL_FUNCTION(log, HWY_NAMESPACE::log(d, x), hn::Div(g, s))
UNROLL_FUNCTION(sqrt, hn::Sqrt(x), hn::Div(hn::Mul(g, number(d, 0.5)), s))
UNROLL_FUNCTION(abs, hn::Abs(x),
                or_nan(hn::IfThenElse(hn::Eq(s, hn::Zero(d)), hn::Zero(d),
                                      hn::Xor(g, hn::And(hn::SignBit(d), s))),
                       s))
UNROLL_FUNCTION(square, hn::Mul(x, x), hn::Mul(hn::Add(g, g), s))
UNROLL_FUNCTION(reciprocal, hn::Div(number(d, 1), x), hn::Neg(hn::Mul(g, hn::Mul(s, s))))
UNROLL_FUNCTION(sin, HWY_NAMESPACE::sin(d, x), hn::Mul(g, HWY_NAMESPACE::cos(d, s)))
UNROLL_FUNCTION(cos, HWY_NAMESPACE::cos(d, x), hn::Neg(hn::Mul(g, HWY_NAMESPACE::sin(d, s))))
UNROLL_FUNCTION(tanh, HWY_NAMESPACE::tanh(d, x), hn::Mul(g, hn::NegMulAdd(s, s, number(d, 1))))
UNROLL_FUNCTION(sigmoid, HWY_NAMESPACE::sigmoid(d, x),
                hn::Mul(g, hn::Mul(s, hn::Sub(number(d, 1), s))))
// Written so that NaN stays NaN; an output that is not above 0 is 0 or NaN itself.
UNROLL_FUNCTION(relu, hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Zero(d), x),
                hn::IfThenElse(hn::Gt(s, hn::Zero(d)), g, s))
UNROLL_FUNCTION(leaky_relu, hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Mul(p, x), x),
                or_nan(hn::IfThenElse(hn::Gt(s, hn::Zero(d)), g, hn::Mul(p, g)), s))
UNROLL_FUNCTION(elu,
                hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, hn::Mul(p, expm1(d, at_most(d, x, 0)))),
                hn::IfThenElse(hn::Gt(s, hn::Zero(d)), g,
                               hn::Mul(g, hn::Mul(p, HWY_NAMESPACE::exp(d, s)))))
UNROLL_FUNCTION(gelu, hn::Mul(x, normal_probability(d, x)),
                hn::Mul(g, hn::MulAdd(s, normal_density(d, s), normal_probability(d, s))))
UNROLL_FUNCTION(normal_cdf, HWY_NAMESPACE::normal_cdf(d, x), hn::Mul(g, normal_density(d, s)))

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
                or_nan(hn::IfThenElseZero(hn::And(hn::Ge(s, p), hn::Le(s, q)), g), s))
#undef UNROLL_FUNCTION

}  // namespace functions

template <class F, class T>
void values(const T* const* x, T* y, Index n, T p_value, T q_value) {
  const hn::ScalableTag<T> d;
  const auto p = hn::Set(d, p_value), q = hn::Set(d, q_value);
  for (Index i = 0; i < n; i += static_cast<Index>(hn::Lanes(d)))
    hn::StoreU(F::f(d, hn::LoadU(d, x[0] + i), p, q), d, y + i);
}

template <class F, class T>
void slopes(const T* const* x, const Index* steps, T* y, Index n, T p_value, T q_value) {
  const hn::ScalableTag<T> d;
  const auto p = hn::Set(d, p_value), q = hn::Set(d, q_value);
  for (Index i = 0; i < n; i += static_cast<Index>(hn::Lanes(d))) {
    const auto g = hn::LoadU(d, x[0] + i * steps[0]), s = hn::LoadU(d, x[1] + i * steps[1]);
    hn::StoreU(F::gradient(d, g, s, p, q), d, y + i);
  }
}

// What is written above for one T, in the order of Unary.
template <class T>
using Pass = void (*)(const T* const* x, T* y, Index n, T p, T q);
template <class T>
using SlopePass = void (*)(const T* const* x, const Index* steps, T* y, Index n, T p, T q);
#define UNROLL_VALUE(name, saved) values<functions::name, T>,
#define UNROLL_GRADIENT(name, saved) slopes<functions::name, T>,
template <class T>
constexpr Pass<T> kValues[] = {UNROLL_UNARY_OPS(UNROLL_VALUE)};
template <class T>
constexpr SlopePass<T> kSlopes[] = {UNROLL_UNARY_OPS(UNROLL_GRADIENT)};
#undef UNROLL_VALUE
#undef UNROLL_GRADIENT

}  // namespace

#define UNROLL_FOR(T, suffix)                                                                    \
  void unary_##suffix(Unary op, const T* x, T* y, Index n, T p, T q) {                           \
    whole_vectors<1>({x}, {1}, y, n, [=](const T* const* from, T* to, Index count) {             \
      kValues<T>[static_cast<std::size_t>(op)](from, to, count, p, q);                           \
    });                                                                                          \
  }                                                                                              \
  void unary_gradient_##suffix(Unary op, const T* g, Index step_g, const T* s, Index step_s,     \
                               T* dx, Index n, T p, T q) {                                       \
    copies_of_one<T>(g, step_g, s, step_s, [&](const T* g_at, const T* s_at) {                   \
      const Index steps[] = {step_g, step_s};                                                    \
      whole_vectors<2>({g_at, s_at}, {step_g, step_s}, dx, n,                                    \
                       [=](const T* const* from, T* to, Index count) {                           \
                         kSlopes<T>[static_cast<std::size_t>(op)](from, steps, to, count, p, q); \
                       });                                                                       \
    });                                                                                          \
  }
UNROLL_FOR(float, f32)
UNROLL_FOR(double, f64)
#undef UNROLL_FOR

}  // namespace unroll::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace unroll::kernels {

#define UNROLL_EXPORT(T, suffix)                                                              \
  HWY_EXPORT(unary_##suffix);                                                                 \
  HWY_EXPORT(unary_gradient_##suffix);                                                        \
  template <>                                                                                 \
  void unary<T>(Unary op, const T* x, T* y, Index n, T p, T q) {                              \
    HWY_DYNAMIC_DISPATCH(unary_##suffix)(op, x, y, n, p, q);                                  \
  }                                                                                           \
  template <>                                                                                 \
  void unary_gradient<T>(Unary op, const T* g, Index step_g, const T* s, Index step_s, T* dx, \
                         Index n, T p, T q) {                                                 \
    HWY_DYNAMIC_DISPATCH(unary_gradient_##suffix)(op, g, step_g, s, step_s, dx, n, p, q);     \
  }
UNROLL_EXPORT(float, f32)
UNROLL_EXPORT(double, f64)
#undef UNROLL_EXPORT

}  // namespace unroll::kernels
#endif
