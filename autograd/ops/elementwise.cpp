// Ops that work element by element.
//
// Of one variable: one line each in the list below, which says how the derivative is written in
// plain ops (for second derivatives); kernels/unary.cpp has the value and the fused derivative. Of
// two: written out.
#include <unroll/autograd/ops.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/reduce.h>
#include <unroll/tensor/unary.h>

#include <numbers>

namespace unroll {
namespace {

// Before an op of two: both are there, and a number takes the type of what it meets.
void meet(const Op& op, const In& a, const In& b) {
  for (const In* x : {&a, &b})
    if (!x->is_number()) check_defined(op.name(), **x);
  a.like(b), b.like(a);
}

// What an op saves of an operand: itself if a derivative will need it, else nothing.
Var saved_if(bool needed, const In& x) { return needed ? *x : Var(); }

// Whether the derivative is written with the output.
constexpr bool saves_output(kernels::Unary op) {
#define UNROLL_SAVED(name, saved) #saved[0] == 'y',
  constexpr bool kOutput[] = {UNROLL_UNARY_OPS(UNROLL_SAVED)};
#undef UNROLL_SAVED
  return kOutput[static_cast<std::size_t>(op)];
}

}  // namespace

// --- one variable ---

namespace {

// The derivative at s, the input x or the output y (UNROLL_UNARY_OPS), times g; in ops that can be
// differentiated again.
using Plain = Var (*)(const Var& g, const Var& s, double p, double q);

Var one_variable(const Op& op, kernels::Unary kernel, Plain plain, const In& x, double p,
                 double q) {
  check_defined(op.name(), *x);
  const bool from_output = saves_output(kernel);
  Tensor y = apply(kernel, x.value(), p, q);
  Var saved = from_output ? Var(y) : *x;
  return record(op, std::move(y), {&x}, [=, s = std::move(saved)](const Var& g, Cotangents& d) {
    if (recording()) {
      d.add(0, plain(g, from_output ? d.output(s.value()) : s, p, q));
    } else {
      d.add(0, Var(apply_gradient(kernel, g.value(), s.value(), p, q)));
    }
  });
}

Tensor above_zero(const Var& x) { return less(Tensor::scalar(0, x.dtype()), x.value()); }
// y, but NaN where x is.
Tensor or_nan(const Tensor& y, const Var& x) {
  return where(equal(x.value(), x.value()), y, x.value());
}
Var sign(const Var& x) {
  const Tensor below = less(x.value(), Tensor::scalar(0, x.dtype()));
  return Var(or_nan(sub(above_zero(x), below), x));
}
Var clamp_slope(const Var& x, double low, double high) {
  return Var(or_nan(mul(less_equal(Tensor::scalar(low, x.dtype()), x.value()),
                        less_equal(x.value(), Tensor::scalar(high, x.dtype()))),
                    x));
}
Var normal_density(const Var& x) {
  return exp(square(x) * -0.5) * (0.5 * std::numbers::inv_sqrtpi * std::numbers::sqrt2);
}
Var gelu_tanh_slope(const Var& x) {
  constexpr double kGelu = 0.797884560802865355880;  // sqrt(2 / pi)
  // 1 - sigmoid(u) is sigmoid(-u): a subtraction one place off would be multiplied by x below.
  const Var u = 2 * kGelu * x * (1.0 + 0.044715 * square(x)), y = sigmoid(u);
  const Var slope = 2 * kGelu * (1.0 + 3 * 0.044715 * square(x));
  return y + x * slope * y * sigmoid(-u);
}

}  // namespace

#define UNROLL_UNARY(name, ...)                                                   \
  namespace {                                                                     \
  const Op name##_op{#name};                                                      \
  Var name##_plain([[maybe_unused]] const Var& g, [[maybe_unused]] const Var& s,  \
                   [[maybe_unused]] double p, [[maybe_unused]] double q) {        \
    return __VA_ARGS__;                                                           \
  }                                                                               \
  Var name##_with(const In& in, double p = 0, double q = 0) {                     \
    return one_variable(name##_op, kernels::Unary::name, name##_plain, in, p, q); \
  }                                                                               \
  }
UNROLL_UNARY(exp, g* s)
UNROLL_UNARY(log, g / s)
UNROLL_UNARY(sqrt, g * 0.5 / s)
UNROLL_UNARY(abs, g* sign(s))
UNROLL_UNARY(square, g * 2.0 * s)
UNROLL_UNARY(reciprocal, -g* square(s))
UNROLL_UNARY(sin, g* cos(s))
UNROLL_UNARY(cos, -g* sin(s))
UNROLL_UNARY(tanh, g*(1.0 - square(s)))
UNROLL_UNARY(sigmoid, g* s*(1.0 - s))
UNROLL_UNARY(relu, g* Var(or_nan(above_zero(s), s)))
UNROLL_UNARY(leaky_relu, g*(p + (1 - p) * Var(or_nan(above_zero(s), s))))
UNROLL_UNARY(elu, where(above_zero(s), g, g* p* exp(minimum(s, 0.0))))
UNROLL_UNARY(gelu, g*(normal_cdf(s) + s * normal_density(s)))
UNROLL_UNARY(gelu_tanh, g* gelu_tanh_slope(s))
UNROLL_UNARY(silu, g* sigmoid(s) * (1.0 + s * sigmoid(-s)))
UNROLL_UNARY(softplus, g* sigmoid(s))
UNROLL_UNARY(normal_cdf, g* normal_density(s))
UNROLL_UNARY(clamp, g* clamp_slope(s, p, q))
#undef UNROLL_UNARY

namespace {
const Op neg_op{"neg"};
}
Var neg(const In& x) {
  check_defined("neg", *x);
  return record(neg_op, neg(x.value()), {&x},
                [](const Var& g, Cotangents& d) { d.add(0, -g); });  // saves nothing
}
Var exp(const In& x) { return exp_with(x); }
Var log(const In& x) { return log_with(x); }
Var sqrt(const In& x) { return sqrt_with(x); }
Var abs(const In& x) { return abs_with(x); }
Var square(const In& x) { return square_with(x); }
Var reciprocal(const In& x) { return reciprocal_with(x); }
Var sin(const In& x) { return sin_with(x); }
Var cos(const In& x) { return cos_with(x); }
Var tanh(const In& x) { return tanh_with(x); }
Var sigmoid(const In& x) { return sigmoid_with(x); }
Var relu(const In& x) { return relu_with(x); }
Var leaky_relu(const In& x, double slope) { return leaky_relu_with(x, slope); }
Var elu(const In& x, double alpha) { return elu_with(x, alpha); }
Var gelu(const In& x) { return gelu_with(x); }
Var gelu_tanh(const In& x) { return gelu_tanh_with(x); }
Var silu(const In& x) { return silu_with(x); }
Var softplus(const In& x) { return softplus_with(x); }
Var normal_cdf(const In& x) { return normal_cdf_with(x); }
Var clamp(const In& x, double low, double high) {
  check(low <= high, "clamp: low <= high was required: got {} and {}", low, high);
  return clamp_with(x, low, high);
}

// --- two variables ---

namespace {
const Op add_op{"add"}, sub_op{"sub"}, mul_op{"mul"}, div_op{"div"}, pow_op{"pow"};
const Op minimum_op{"minimum"}, maximum_op{"maximum"}, where_op{"where"};
}  // namespace

Var add(const In& a, const In& b) {
  meet(add_op, a, b);
  if (a->shape() == b->shape())
    return record(add_op, add(a.value(), b.value()), {&a, &b}, [](const Var& g, Cotangents& d) {
      d.add(0, g);
      d.add(1, g);
    });
  return record(add_op, add(a.value(), b.value()), {&a, &b},
                [sa = a->shape(), sb = b->shape()](const Var& g, Cotangents& d) {
                  if (d.needs(0)) d.add(0, sum_to(g, sa));
                  if (d.needs(1)) d.add(1, sum_to(g, sb));
                });
}

Var sub(const In& a, const In& b) {
  meet(sub_op, a, b);
  return record(sub_op, sub(a.value(), b.value()), {&a, &b},
                [sa = a->shape(), sb = b->shape()](const Var& g, Cotangents& d) {
                  if (d.needs(0)) d.add(0, sum_to(g, sa));
                  if (d.needs(1)) d.add(1, sum_to(-g, sb));
                });
}

Var mul(const In& a, const In& b) {
  meet(mul_op, a, b);
  return record(mul_op, mul(a.value(), b.value()), {&a, &b},
                [sa = a->shape(), sb = b->shape(), va = saved_if(b.requires_grad(), a),
                 vb = saved_if(a.requires_grad(), b)](const Var& g, Cotangents& d) {
                  if (d.needs(0)) d.add(0, sum_to(g * vb, sa));
                  if (d.needs(1)) d.add(1, sum_to(g * va, sb));
                });
}

Var div(const In& a, const In& b) {
  meet(div_op, a, b);
  const Tensor y = div(a.value(), b.value());
  return record(
      div_op, y, {&a, &b},
      [sa = a->shape(), b = *b, y = b.requires_grad() ? y : Tensor()](const Var& g, Cotangents& d) {
        const Var ga = g / b;
        if (d.needs(1)) d.add(1, sum_to(-ga * d.output(y), b.shape()));
        if (d.needs(0)) d.add(0, sum_to(ga, sa));
      });
}

// d a^b = b a^(b-1) da + a^b log(a) db; at a = 0 the second counts as 0 for b >= 0, as in PyTorch.
Var pow(const In& a, const In& b) {
  meet(pow_op, a, b);
  if (b->numel() == 1 && b->rank() <= a->rank() && !b->requires_grad()) {
    // Exponents with an op of their own.
    const double exponent = b->item();
    if (exponent == 2) return square(a);
    if (exponent == 0.5) return sqrt(a);
    if (exponent == -1) return reciprocal(a);
  }
  const Tensor y = pow(a.value(), b.value());
  return record(
      pow_op, y, {&a, &b},
      [a = *a, b = *b, y = b.requires_grad() ? y : Tensor()](const Var& g, Cotangents& d) {
        const bool plain = b.numel() == 1 && b.rank() <= a.rank() && !b.requires_grad();
        if (d.needs(0) && plain && b.item() != 0) {
          d.add(0, g * (pow(a, b.item() - 1) * b.item()));
        } else if (d.needs(0)) {
          const Tensor zero = equal(b.value(), Tensor::scalar(0, b.dtype()));
          // Where the exponent is 0 the slope is 0, and so are its own derivatives.
          const Var lower = where(zero, 1.0, b - 1.0);
          d.add(0, sum_to(g * where(zero, 0.0, b * pow(a, lower)), a.shape()));
        }
        if (d.needs(1)) {
          const Tensor none = Tensor::scalar(0, a.dtype());
          const Tensor zero = mul(equal(a.value(), none), less_equal(none, b.value()));
          const Var logarithm = log(where(zero, 1.0, a));
          d.add(1, sum_to(g * d.output(y) * logarithm, b.shape()));
        }
      });
}

namespace {
Var extreme(const Op& op, const Tensor& y, const In& a, const In& b) {
  return record(op, y, {&a, &b}, [a = a.value(), b = b.value(), y](const Var& g, Cotangents& d) {
    // What goes to a: 1 where it is taken, 1/2 where the two are equal, NaN where either is.
    const Tensor taken = add(equal(a, y), sub(Tensor::scalar(1, y.dtype()), equal(b, y)));
    const Tensor to_a = where(equal(y, y), mul(taken, 0.5), y);
    if (d.needs(0)) d.add(0, sum_to(g * to_a, a.shape()));
    if (d.needs(1)) d.add(1, sum_to(g * sub(Tensor::scalar(1, y.dtype()), to_a), b.shape()));
  });
}
}  // namespace

Var minimum(const In& a, const In& b) {
  meet(minimum_op, a, b);
  return extreme(minimum_op, minimum(a.value(), b.value()), a, b);
}
Var maximum(const In& a, const In& b) {
  meet(maximum_op, a, b);
  return extreme(maximum_op, maximum(a.value(), b.value()), a, b);
}

Var where(const Tensor& condition, const In& a, const In& b) {
  check_defined("where", condition);
  meet(where_op, a, b);
  return record(where_op, where(condition, a.value(), b.value()), {&a, &b},
                [sa = a->shape(), sb = b->shape(), condition](const Var& g, Cotangents& d) {
                  if (d.needs(0)) d.add(0, sum_to(where(condition, g, 0.0), sa));
                  if (d.needs(1)) d.add(1, sum_to(where(condition, 0.0, g), sb));
                });
}

Var masked_fill(const In& x, const Tensor& mask, double value) {
  check_defined("masked_fill", *x), check_defined("masked_fill", mask);
  check(broadcast("masked_fill", x->shape(), mask.shape()) == x->shape(),
        "masked_fill: a mask that broadcasts to {} was required: got {}", x->shape(), mask.shape());
  return where(mask, In(value, x.where()), x);
}

}  // namespace unroll
