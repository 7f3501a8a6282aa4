// Products, standard deviations, norms, and logcumsumexp.
#include <unroll/autograd/op.h>
#include <unroll/autograd/ops.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace unroll {
namespace {

const Op norm_op{"norm"}, logcumsumexp_op{"logcumsumexp"};

// sqrt(v), v >= 0. Its gradient at 0 is defined as 0 (the derivative is infinite there).
Var sqrt_or_zero(const In& v) {
  const Where at = v.where();
  const Tensor zero = equal(v.value(), 0.0);
  return where(zero, In(0.0, at), In(sqrt(In(where(zero, In(1.0, at), v), at)), at));
}

// sqrt(sum x^2) with the reduced axes kept. x is first divided by its largest magnitude if the
// squares would overflow or underflow.
Tensor norm_of(const Tensor& x, const Axes& axes) {
  Tensor y = sqrt(sum_of_squares(x, axes, {.keepdim = true}));
  const bool f = x.dtype() == f32;
  const double low = f ? 1e-15 : 1e-150, high = f ? 1e15 : 1e150;
  const auto inside = [&](double v) { return v == 0 ? false : v > low && v < high; };
  const std::vector<double> values = y.to_vector<double>();
  if (x.numel() == 0 || std::all_of(values.begin(), values.end(), inside)) return y;
  const Tensor top = max(abs(x), axes, {.keepdim = true});
  // A magnitude that is 0, infinite or NaN cannot be divided by.
  const Tensor usable = mul(less(0.0, top), less(top, INFINITY));
  const Tensor scale = where(usable, top, 1.0);
  return where(usable, mul(sqrt(sum_of_squares(div(x, scale), axes, {.keepdim = true})), scale),
               top);
}

}  // namespace

Var stddev(const In& x, const Axes& axes, const VarianceOptions& options) {
  check_defined("stddev", *x);
  return sqrt_or_zero(In(var(x, axes, options), x.where()));
}

// d norm = x / norm
Var norm(const In& x, const Axes& axes, const ReduceOptions& options) {
  check_defined("norm", *x);
  const Shape kept = reduced_shape("norm", x->shape(), axes, {.keepdim = true});
  const Tensor y =
      norm_of(x.value(), axes).reshape(reduced_shape("norm", x->shape(), axes, options));
  return record(norm_op, y, {&x}, [x = *x, y, kept](const Var& g, Cotangents& d) {
    const Tensor zero = equal(y, 0.0);
    const Var share = where(zero, 0.0, g) / where(zero, 1.0, d.output(y));
    d.add(0, reshape(share, kept) * x);
  });
}

// Multiplies pairs of halves until one element is left. The derivative then needs no division, so
// zeros are no problem.
Var prod(const In& x, const Axes& axes, const ReduceOptions& options) {
  check_defined("prod", *x);
  const Where at = x.where();
  const Shape shape = x->shape(), out = reduced_shape("prod", shape, axes, options),
              kept = reduced_shape("prod", shape, axes, {.keepdim = true});
  // [kept axes.., reduced axes..] -> [elements of the result, n]
  std::vector<int> order;
  for (const bool reduced : {false, true})
    for (int i = 0; i < shape.rank(); ++i) {
      const bool is_reduced = axes.empty() || std::any_of(axes.begin(), axes.end(), [&](int axis) {
                                return shape.axis(axis, "prod") == i;
                              });
      if (is_reduced == reduced) order.push_back(i);
    }
  const Index rows = kept.numel();
  if (x->numel() == 0) return Var(Tensor::ones(out, x->dtype()));
  Var y = reshape(In(permute(x, order), at), {rows, shape.numel() / rows});
  while (y.size(1) > 1) {
    const Index n = y.size(1), half = n / 2;
    const Var product =
        In(narrow(In(y, at), 1, 0, half), at) * In(narrow(In(y, at), 1, half, half), at);
    y = n % 2 == 0 ? product : concat({product, narrow(In(y, at), 1, n - 1, 1)}, 1, at);
  }
  return reshape(In(y, at), out);
}

namespace {

// Product of the sizes before an axis, its size, and product of the sizes behind it.
struct Around {
  Index outer = 1, n, inner = 1;
  Around(const Shape& shape, int axis) : n(shape[axis]) {
    for (int i = 0; i < axis; ++i) outer *= shape[i];
    for (int i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
  }
};

// Computed in f64: in f32, terms smaller than the rounding error of a large sum would be lost.
Tensor logcumsumexp_of(const Tensor& x, int axis) {
  const Around a(x.shape(), axis);
  const Tensor source = x.contiguous();
  Tensor y = Tensor::empty(x.shape(), f64);
  if (y.numel() == 0) return y;
  constexpr double kNone = -std::numeric_limits<double>::infinity();
  dispatch(x.dtype(), [&]<class T>() {
    const T* from = source.data<T>();
    double* to = y.data<double>();
    // exp of the sum so far is total * exp(top).
    std::vector<double> top(static_cast<std::size_t>(a.inner)), total(top.size());
    for (Index o = 0; o < a.outer; ++o) {
      std::fill(top.begin(), top.end(), kNone), std::fill(total.begin(), total.end(), 0.0);
      for (Index i = 0; i < a.n; ++i)
        for (std::size_t j = 0; j < top.size(); ++j, ++from, ++to) {
          const auto v = static_cast<double>(*from);
          if (v == top[j]) {
            if (v != kNone) total[j] += 1;
          } else if (v > top[j]) {
            total[j] = total[j] * std::exp(top[j] - v) + 1, top[j] = v;
          } else if (v != kNone) {
            total[j] += std::exp(v - top[j]);
          }
          *to = top[j] == kNone && !std::isnan(total[j]) ? kNone : top[j] + std::log(total[j]);
        }
    }
  });
  return y;
}

// dx_j = sum over i >= j of g_i exp(x_j - y_i) = a_j exp(x_j - y_j), with a_j = g_j + a_{j+1}
// exp(y_j - y_{j+1}). y never decreases, so no exponent is above 0.
Tensor logcumsumexp_gradient(const Tensor& g, const Tensor& x, const Tensor& y, int axis) {
  const Around a(x.shape(), axis);
  const Tensor gc = g.contiguous(), xc = x.contiguous();
  Tensor dx = Tensor::empty(x.shape(), x.dtype());
  const auto ratio = [](double u, double v) { return u == v ? 1 : std::exp(u - v); };
  dispatch(x.dtype(), [&]<class T>() {
    const T *g_at = gc.data<T>(), *x_at = xc.data<T>();
    const double* y_at = y.data<double>();
    T* to = dx.data<T>();
    std::vector<double> sum(static_cast<std::size_t>(a.inner));
    for (Index o = 0; o < a.outer; ++o) {
      std::fill(sum.begin(), sum.end(), 0.0);
      for (Index i = a.n; i-- > 0;)
        for (Index j = 0; j < a.inner; ++j) {
          const Index k = (o * a.n + i) * a.inner + j;
          double& s = sum[static_cast<std::size_t>(j)];
          if (i + 1 < a.n) s *= ratio(y_at[k], y_at[k + a.inner]);
          s += static_cast<double>(g_at[k]);
          const bool none = y_at[k] == -std::numeric_limits<double>::infinity();
          to[k] = static_cast<T>(none ? 0 : s * ratio(static_cast<double>(x_at[k]), y_at[k]));
        }
    }
  });
  return dx;
}

// The reference implementation: sums over 1, 2, 4, ... elements, each the sum of two previous ones.
Var logcumsumexp_reference(const Var& x, int axis) {
  Var y = x;
  const Index n = x.size(axis);
  for (Index shift = 1; shift < n; shift *= 2)
    y = logsumexp(stack({y, pad(narrow(y, axis, 0, n - shift), axis, shift, 0, -INFINITY)}), 0);
  return y;
}

}  // namespace

Var logcumsumexp(const In& x, int axis) {
  check_defined("logcumsumexp", *x);
  axis = x->shape().axis(axis, "logcumsumexp");
  const Tensor y = logcumsumexp_of(x.value(), axis);
  return record(logcumsumexp_op, y.to(x->dtype()), {&x},
                [x = *x, y, axis](const Var& g, Cotangents& d) {
                  if (!recording())
                    return d.add(0, Var(logcumsumexp_gradient(g.value(), x.value(), y, axis)));
                  d.add_through(
                      [&](const std::vector<Var>& in) {
                        return std::vector<Var>{logcumsumexp_reference(in[0], axis)};
                      },
                      {x}, {&g, 1});
                });
}

}  // namespace unroll
