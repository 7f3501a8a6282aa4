// The table of elementwise functions of one variable. Everything about a function is in its entry:
// the functions of Tensor and Var, their kernels and derivatives, and the list of functions that
// the tests check are generated from it. Only the row in benchmarks/op_rows.cpp is separate.
//
//   X(name, (parameters), (arguments), required, saved, value, slope, plain)
//
//   parameters  parameters other than x, with types and defaults; called p and q below
//   arguments   their names alone
//   required    the condition they must satisfy
//   saved       what backward saves and calls s: the input (x), the output (y), or nothing
//   value       f(x) for a vector x, in Highway (hn) and kernels/simd_math.h; d is the vector tag
//   slope       g f' at s, also for vectors
//   plain       g f' at s in differentiable ops, for second derivatives
//
// If x is NaN, value and slope must be NaN.
#pragma once

#include <unroll/tensor/types.h>

#include <initializer_list>

// clang-format off
#define UNROLL_UNARY_OPS(X)                                                                        \
  X(neg, (), (), true, nothing, hn::Neg(x), hn::Neg(g), -g)                                        \
  X(exp, (), (), true, y, exp(d, x), hn::Mul(g, s), g * s)                                         \
  /* The natural logarithm. */                                                                     \
  X(log, (), (), true, x, log(d, x), hn::Div(g, s), g / s)                                         \
  X(sqrt, (), (), true, y, hn::Sqrt(x), hn::Div(hn::Mul(g, number(d, 0.5)), s), g * 0.5 / s)       \
  /* The slope at 0 is 0. */                                                                       \
  X(abs, (), (), true, x, hn::Abs(x),                                                              \
    or_nan(hn::IfThenElse(hn::Eq(s, hn::Zero(d)), hn::Zero(d),                                     \
                          hn::Xor(g, hn::And(hn::SignBit(d), s))), s),                             \
    g * sign(s))                                                                                   \
  X(square, (), (), true, x, hn::Mul(x, x), hn::Mul(hn::Add(g, g), s), g * 2.0 * s)                \
  X(reciprocal, (), (), true, y, hn::Div(number(d, 1), x), hn::Neg(hn::Mul(g, hn::Mul(s, s))),     \
    -g * square(s))                                                                                \
  X(sin, (), (), true, x, sin(d, x), hn::Mul(g, cos(d, s)), g * cos(s))                            \
  X(cos, (), (), true, x, cos(d, x), hn::Neg(hn::Mul(g, sin(d, s))), -g * sin(s))                  \
  X(tanh, (), (), true, y, tanh(d, x), hn::Mul(g, hn::NegMulAdd(s, s, number(d, 1))),              \
    g * (1.0 - square(s)))                                                                         \
  /* 1 / (1 + exp(-x)) */                                                                          \
  X(sigmoid, (), (), true, y, sigmoid(d, x), hn::Mul(g, hn::Mul(s, hn::Sub(number(d, 1), s))),     \
    g * s * (1.0 - s))                                                                             \
  /* The slope at 0 is 0. */                                                                       \
  X(relu, (), (), true, y, hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Zero(d), x),                 \
    hn::IfThenElse(hn::Gt(s, hn::Zero(d)), g, s),                                                  \
    g * Var(or_nan(above_zero(s), s)))                                                             \
  /* x for x > 0, else slope x. */                                                                 \
  X(leaky_relu, (double slope = 0.01), (slope), true, x,                                           \
    hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Mul(p, x), x),                                      \
    or_nan(hn::IfThenElse(hn::Gt(s, hn::Zero(d)), g, hn::Mul(p, g)), s),                           \
    g * (p + (1 - p) * Var(or_nan(above_zero(s), s))))                                             \
  /* x for x > 0, else alpha (exp(x) - 1). Clevert et al. 2016 */                                  \
  X(elu, (double alpha = 1.0), (alpha), true, x,                                                   \
    hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, hn::Mul(p, expm1(d, at_most(d, x, 0)))),             \
    hn::IfThenElse(hn::Gt(s, hn::Zero(d)), g, hn::Mul(g, hn::Mul(p, exp(d, s)))),                  \
    where(above_zero(s), g, g * p * exp(minimum(s, 0.0))))                                         \
  /* x Phi(x), with the error function. Hendrycks and Gimpel 2016 */                               \
  X(gelu, (), (), true, x, hn::Mul(x, normal_probability(d, x)),                                   \
    hn::Mul(g, hn::MulAdd(s, normal_density(d, s), normal_probability(d, s))),                     \
    g * (normal_cdf(s) + s * normal_density(s)))                                                   \
  /* The tanh approximation of gelu: x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2. */         \
  X(gelu_tanh, (), (), true, x, gelu_tanh(d, x), hn::Mul(g, gelu_tanh_slope(d, s)),                \
    g * gelu_tanh_slope(s))                                                                        \
  /* Phi(x), the distribution function of the standard normal distribution. */                     \
  X(normal_cdf, (), (), true, x, normal_cdf(d, x), hn::Mul(g, normal_density(d, s)),               \
    g * normal_density(s))                                                                         \
  /* x sigmoid(x) */                                                                               \
  X(silu, (), (), true, x, silu(d, x), hn::Mul(g, silu_slope(d, s)),                               \
    g * sigmoid(s) * (1.0 + s * sigmoid(-s)))                                                      \
  /* log(1 + exp(x)), without overflow. */                                                         \
  X(softplus, (), (), true, x, softplus(d, x), hn::Mul(g, sigmoid(d, s)), g * sigmoid(s))          \
  /* x limited to [low, high]. The slope is 1 inside, ends included, and 0 outside. */             \
  X(clamp, (double low, double high), (low, high), low <= high, x,                                 \
    hn::IfThenElse(hn::Lt(x, p), p, hn::IfThenElse(hn::Gt(x, q), q, x)),                           \
    or_nan(hn::IfThenElseZero(hn::And(hn::Ge(s, p), hn::Le(s, q)), g), s),                         \
    g * clamp_slope(s, p, q))
// clang-format on

// The parameters of an entry, preceded by a comma if there are any; and its arguments.
#define UNROLL_AND(...) __VA_OPT__(, ) __VA_ARGS__
#define UNROLL_LIST(...) __VA_ARGS__

namespace unroll::detail {

#define UNROLL_NAME(name, ...) name,
enum class UnaryOp : std::uint8_t { UNROLL_UNARY_OPS(UNROLL_NAME) };
#undef UNROLL_NAME

// Throws std::invalid_argument unless the parameters satisfy the requirement in the table.
void check_unary(const char* name, bool holds, const char* required,
                 std::initializer_list<double> given);

}  // namespace unroll::detail
