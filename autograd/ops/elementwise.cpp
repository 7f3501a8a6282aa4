// Elementwise ops. Functions of one variable come from the table in tensor/unary_ops.h; functions
// of two variables are written out here.
#include <unroll/autograd/op.h>
#include <unroll/autograd/ops.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/reduce.h>
#include <unroll/tensor/unary.h>

#include <numbers>

namespace unroll {
namespace {

// Prepares a binary op: checks that both operands are defined, and gives a number the dtype of the
// other operand.
void meet(const Op& op, const In& a, const In& b) {
  for (const In* x : {&a, &b})
    if (!x->is_number()) check_defined(op.name(), **x);
  a.like(b), b.like(a);
}

// Saves an operand only if a derivative will need it.
Var saved_if(bool needed, const In& x) { return needed ? *x : Var(); }

}  // namespace

// --- one variable ---

namespace {

Tensor above_zero(const Var& x) { return less(Tensor::scalar(0, x.dtype()), x.value()); }
// y, but NaN where x is NaN.
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
  // 1 - sigmoid(u) is written as sigmoid(-u), which avoids cancellation: the rounding error would
  // be multiplied by x below.
  const Var u = 2 * kGelu * x * (1.0 + 0.044715 * square(x)), y = sigmoid(u);
  const Var slope = 2 * kGelu * (1.0 + 3 * 0.044715 * square(x));
  return y + x * slope * y * sigmoid(-u);
}

enum class Saved { nothing, x, y };

// The tape's side of a table entry: plain(g, s, p, q) is its derivative in plain ops.
struct Entry {
  Op op;
  Saved saved;
  Var (*plain)(const Var& g, const Var& s, double p, double q);
};
#define UNROLL_ENTRY(name, parameters, arguments, required, saved, value, slope, plain)        \
  {Op(#name), Saved::saved,                                                                    \
   []([[maybe_unused]] const Var& g, [[maybe_unused]] const Var& s, [[maybe_unused]] double p, \
      [[maybe_unused]] double q) -> Var { return plain; }},
const Entry kEntries[] = {UNROLL_UNARY_OPS(UNROLL_ENTRY)};
#undef UNROLL_ENTRY

}  // namespace

Var detail::unary(UnaryOp kind, const In& x, double p, double q) {
  const Entry& entry = kEntries[static_cast<std::size_t>(kind)];
  check_defined(entry.op.name(), *x);
  Tensor y = unary(kind, x.value(), p, q);
  Var saved = entry.saved == Saved::x ? *x : entry.saved == Saved::y ? Var(y) : Var();
  return record(entry.op, std::move(y), {&x},
                [=, &entry, s = std::move(saved)](const Var& g, Cotangents& d) {
                  if (recording()) {
                    const Var at = entry.saved == Saved::y ? d.output(s.value()) : s;
                    d.add(0, entry.plain(g, at, p, q));
                  } else {
                    const Tensor& at = entry.saved == Saved::nothing ? g.value() : s.value();
                    d.add(0, Var(apply_gradient(kind, g.value(), at, p, q)));
                  }
                });
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

// d a^b = b a^(b-1) da + a^b log(a) db. At a = 0 and b >= 0 the second term is taken as 0, as in
// PyTorch.
Var pow(const In& a, const In& b) {
  meet(pow_op, a, b);
  if (b->numel() == 1 && b->rank() <= a->rank() && !b->requires_grad()) {
    // Exponents that have an op of their own.
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
          // Where the exponent is 0, the derivative and its own derivatives are 0.
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
    // The factor of a's gradient: 1 where a is taken, 1/2 where the two are equal, NaN where either
    // is NaN.
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
