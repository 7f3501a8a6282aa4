// Functions of one variable: values and slopes from the table in unary_ops.h.
#include <unroll/tensor/kernels/elementwise.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "unroll/tensor/kernels/unary.cpp"
#include <hwy/foreach_target.h>

#include <unroll/tensor/kernels/simd_math.h>

HWY_BEFORE_NAMESPACE();
namespace unroll::kernels::HWY_NAMESPACE {
namespace {
template <class D>
HWY_INLINE auto number(D d, double value) {
  return hn::Set(d, static_cast<hn::TFromD<D>>(value));
}

// The gradient g, but NaN where s is NaN.
template <class V>
HWY_INLINE V or_nan(V gradient, V s) {
  return hn::IfThenElse(hn::IsNaN(s), s, gradient);
}

// gelu_tanh(x) = x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3).
template <class D, class V>
HWY_INLINE V twice_u(D d, V x) {
  const V cubic = hn::MulAdd(hn::Mul(x, x), number(d, 0.044715), number(d, 1));
  return hn::Mul(hn::Mul(x, cubic), number(d, 2 * 0.797884560802865355880));
}
template <class D, class V>
HWY_INLINE V gelu_tanh(D d, V x) {
  return hn::Mul(x, sigmoid_pair(d, twice_u(d, x)).y);
}
template <class D, class V>
HWY_INLINE V gelu_tanh_slope(D d, V x) {
  const auto [y, rest] = sigmoid_pair(d, twice_u(d, x));
  const V slope = hn::Mul(hn::MulAdd(hn::Mul(x, x), number(d, 3 * 0.044715), number(d, 1)),
                          number(d, 2 * 0.797884560802865355880));
  return hn::Add(y, hn::Mul(hn::Mul(x, slope), hn::Mul(y, rest)));
}

template <class D, class V>
HWY_INLINE V silu(D d, V x) {
  return hn::Mul(x, sigmoid_pair(d, x).y);
}
template <class D, class V>
HWY_INLINE V silu_slope(D d, V x) {
  const auto [y, rest] = sigmoid_pair(d, x);
  return hn::Mul(y, hn::MulAdd(x, rest, number(d, 1)));
}

// An entry of the table: f(d, x, p, q) is the value, gradient(d, g, s, p, q) g times the slope.
#define UNROLL_FUNCTION(name, parameters, arguments, required, saved, value, slope, plain)         \
  struct name##_function {                                                                         \
    template <class D, class V>                                                                    \
    static HWY_INLINE V f([[maybe_unused]] D d, V x, [[maybe_unused]] V p, [[maybe_unused]] V q) { \
      return value;                                                                                \
    }                                                                                              \
    template <class D, class V>                                                                    \
    static HWY_INLINE V gradient([[maybe_unused]] D d, V g, [[maybe_unused]] V s,                  \
                                 [[maybe_unused]] V p, [[maybe_unused]] V q) {                     \
      return slope;                                                                                \
    }                                                                                              \
  };
UNROLL_UNARY_OPS(UNROLL_FUNCTION)
#undef UNROLL_FUNCTION

template <class F, class T>
void values(const T* const* x, T* y, Index n, T p_value, T q_value) {
  const hn::ScalableTag<T> d;
  const auto p = hn::Set(d, p_value), q = hn::Set(d, q_value);
  for (Index i = 0; i < n; i += static_cast<Index>(hn::Lanes(d)))
    hn::StoreU(F::f(d, hn::LoadU(d, x[0] + i), p, q), d, y + i);
}

template <class F, class T>
void slopes(const T* const* x, const Index* strides, T* y, Index n, T p_value, T q_value) {
  const hn::ScalableTag<T> d;
  const auto p = hn::Set(d, p_value), q = hn::Set(d, q_value);
  for (Index i = 0; i < n; i += static_cast<Index>(hn::Lanes(d))) {
    const auto g = hn::LoadU(d, x[0] + i * strides[0]), s = hn::LoadU(d, x[1] + i * strides[1]);
    hn::StoreU(F::gradient(d, g, s, p, q), d, y + i);
  }
}

// The kernels for one T, in the order of the table.
template <class T>
using Pass = void (*)(const T* const* x, T* y, Index n, T p, T q);
template <class T>
using SlopePass = void (*)(const T* const* x, const Index* strides, T* y, Index n, T p, T q);
#define UNROLL_VALUE(name, ...) values<name##_function, T>,
#define UNROLL_GRADIENT(name, ...) slopes<name##_function, T>,
template <class T>
constexpr Pass<T> kValues[] = {UNROLL_UNARY_OPS(UNROLL_VALUE)};
template <class T>
constexpr SlopePass<T> kSlopes[] = {UNROLL_UNARY_OPS(UNROLL_GRADIENT)};
#undef UNROLL_VALUE
#undef UNROLL_GRADIENT

template <class T>
void unary_run(Unary op, const T* x, T* y, Index n, T p, T q) {
  whole_vectors<1>({x}, {1}, y, n, [=](const T* const* from, T* to, Index count) {
    kValues<T>[static_cast<std::size_t>(op)](from, to, count, p, q);
  });
}

template <class T>
void unary_gradient_run(Unary op, const T* g, Index stride_g, const T* s, Index stride_s, T* dx,
                        Index n, T p, T q) {
  copies_of_one<T>(g, stride_g, s, stride_s, [&](const T* g_at, const T* s_at) {
    const Index strides[] = {stride_g, stride_s};
    whole_vectors<2>({g_at, s_at}, {stride_g, stride_s}, dx, n,
                     [=](const T* const* from, T* to, Index count) {
                       kSlopes<T>[static_cast<std::size_t>(op)](from, strides, to, count, p, q);
                     });
  });
}

}  // namespace

UNROLL_KERNELS(UnaryKernels, unary_run<T>, unary_gradient_run<T>)

}  // namespace unroll::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace unroll::kernels {
UNROLL_EXPORT(UnaryKernels)
}  // namespace unroll::kernels
#endif
