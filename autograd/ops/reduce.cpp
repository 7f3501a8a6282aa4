// Sums, extremes and softmax.
#include <unroll/autograd/op.h>
#include <unroll/autograd/ops.h>
#include <unroll/tensor/kernels/elementwise.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/reduce.h>
#include <unroll/tensor/strided.h>

#include <algorithm>
#include <cmath>

namespace unroll {
namespace {

const Op sum_op{"sum"}, sum_to_op{"sum_to"}, logsumexp_op{"logsumexp"}, max_op{"max"},
    min_op{"min"}, var_op{"var"}, cumsum_op{"cumsum"};
const Op softmax_op{"softmax"}, log_softmax_op{"log_softmax"};

// Restores reduced axes as size 1, so that y broadcasts against the input.
Var with_axes(const Var& y, const Shape& from, const Axes& axes) {
  return reshape(y, reduced_shape("reduce", from, axes, {.keepdim = true}));
}

Index reduced_count(const Tensor& x, const Tensor& y) {
  return y.numel() ? x.numel() / y.numel() : 0;
}

Var extreme(const Op& op, const Tensor& y, const In& x, const Axes& axes) {
  return record(op, y, {&x}, [x = x.value(), y, axes](const Var& g, Cotangents& d) {
    const Shape kept = reduced_shape("reduce", x.shape(), axes, {.keepdim = true});
    Tensor share = equal(x, y.reshape(kept));
    share = div(share, sum(share, axes, {.keepdim = true}));
    d.add(0, reshape(g, kept) * share);
  });
}

// (x - centre - rest) * scale, in one pass and one more over the result.
Tensor centred_times(const Tensor& x, const Tensor& centre, const Tensor& rest,
                     const Tensor& scale) {
  using kernels::Binary;
  Tensor y = Tensor::empty_like(x);
  dispatch(x.dtype(), [&]<class T>() {
    detail::elementwise_near<T>(
        y, {&x, &centre, &rest}, [](const T* const* from, const Index* strides, T* to, Index n) {
          kernels::binary(Binary::sub, from[0], strides[0], from[1], strides[1], to, n);
          kernels::binary(Binary::sub, to, 1, from[2], strides[2], to, n);
        });
    detail::elementwise<T>(
        y, {&y, &scale}, [](const T* const* from, const Index* strides, T* to, Index n) {
          kernels::binary(Binary::mul, from[0], strides[0], from[1], strides[1], to, n);
        });
  });
  return y;
}

// Applies an op that works along the last axis to any axis.
template <class F>
Var along(const In& x, int axis, const char* op, F f) {
  check_defined(op, *x);
  axis = x->shape().axis(axis, op);
  if (axis == x->rank() - 1) return f(x);
  const Var y = f(In(transpose(x, axis, -1), x.where()));
  return transpose(In(y, x.where()), axis, -1);
}

}  // namespace

Var sum(const In& x, const Axes& axes, const ReduceOptions& options) {
  check_defined("sum", *x);
  return record(sum_op, sum(x.value(), axes, options), {&x},
                [shape = x->shape(), axes](const Var& g, Cotangents& d) {
                  d.add(0, expand(with_axes(g, shape, axes), shape));
                });
}

Var sum_to(const In& x, const Shape& shape) {
  check_defined("sum_to", *x);
  if (x->shape() == shape) return *x;
  return record(sum_to_op, sum_to(x.value(), shape), {&x},
                [from = x->shape()](const Var& g, Cotangents& d) { d.add(0, expand(g, from)); });
}

Var mean(const In& x, const Axes& axes, const ReduceOptions& options) {
  check_defined("mean", *x);
  const Shape kept = reduced_shape("mean", x->shape(), axes, {});
  check(x->numel() > 0 || kept.numel() == 0,
        "mean: at least one element was required: got the shape {}", x->shape());
  const Var total = sum(x, axes, options);
  return In(total, x.where()) / static_cast<double>(reduced_count(x.value(), total.value()));
}

Var max(const In& x, const Axes& axes, const ReduceOptions& options) {
  check_defined("max", *x);
  return extreme(max_op, max(x.value(), axes, options), x, axes);
}
Var min(const In& x, const Axes& axes, const ReduceOptions& options) {
  check_defined("min", *x);
  return extreme(min_op, min(x.value(), axes, options), x, axes);
}

Var var(const In& x, const Axes& axes, const VarianceOptions& options) {
  check_defined("var", *x);
  const Index reduced = reduced_shape("var", x->shape(), axes, {}).numel();
  const Index n = reduced ? x->numel() / reduced : 0;
  check(n > options.correction && n > 0,
        "var: more than {} elements were required: got {} of the shape {}",
        std::max<Index>(options.correction, 0), n, x->shape());
  // The corrected two-pass algorithm (Chan, Golub and LeVeque 1983). `rest` is the rounding error
  // of the mean; it matters if the mean is large compared with the deviations.
  const double divisor = static_cast<double>(n - options.correction);
  const Tensor centre = mean(x.value(), axes, {.keepdim = true});
  const Deviations of = deviations(x.value(), centre, axes);
  const Tensor rest = mul(of.sum, 1 / static_cast<double>(n));
  const Tensor squares = sub(of.squares, mul(square(rest), static_cast<double>(n)));
  const Tensor y = div(clamp(squares, 0, INFINITY), Tensor::scalar(divisor, x->dtype()));
  return record(var_op,
                y.reshape(reduced_shape("var", x->shape(), axes, {.keepdim = options.keepdim})),
                {&x}, [x = *x, centre, rest, axes, divisor](const Var& g, Cotangents& d) {
                  const Var scale = reshape(g, rest.shape()) * (2 / divisor);
                  if (recording())
                    return d.add(0, (x - mean(x, axes, {.keepdim = true}) - rest) * scale);
                  d.add(0, Var(centred_times(x.value(), centre, rest, scale.value())));
                });
}

// log sum exp(x) = m + log sum exp(x - m), with m the maximum.
Var logsumexp(const In& x, const Axes& axes, const ReduceOptions& options) {
  check_defined("logsumexp", *x);
  const Shape kept = reduced_shape("logsumexp", x->shape(), axes, {.keepdim = true});
  check(x->numel() > 0 || kept.numel() == 0,
        "logsumexp: at least one element was required: got the shape {}", x->shape());
  const auto finite_or_zero = [](const Tensor& t) {
    const Tensor zero = Tensor::scalar(0, t.dtype());
    return where(less(abs(t), Tensor::scalar(INFINITY, t.dtype())), t, zero);
  };
  const Tensor top =
      x->numel() > 0 ? max(x.value(), axes, {.keepdim = true}) : Tensor::zeros(kept, x->dtype());
  const Tensor shift = finite_or_zero(top);
  const Tensor y = add(log(sum(exp(sub(x.value(), shift)), axes, {.keepdim = true})), shift);
  return record(logsumexp_op, y.reshape(reduced_shape("logsumexp", x->shape(), axes, options)),
                {&x}, [x = *x, shift, axes, kept](const Var& g, Cotangents& d) {
                  // softmax(x), 0 for a row of -inf. Computed from x: values small compared with
                  // the maximum may have been lost to rounding in y.
                  const Var e = exp(x - shift), total = sum(e, axes, {.keepdim = true});
                  const Tensor none = equal(total.value(), Tensor::scalar(0, x.dtype()));
                  d.add(0, reshape(g, kept) * (e / masked_fill(total, none, 1)));
                });
}

Var cumsum(const In& x, int axis) {
  check_defined("cumsum", *x);
  // The gradient is the cumulative sum from the other end.
  return record(cumsum_op, cumsum(x.value(), axis), {&x}, [axis](const Var& g, Cotangents& d) {
    d.add(0, recording() ? flip(cumsum(flip(g, axis), axis), axis)
                         : Var(cumsum(g.value(), axis, {.reverse = true})));
  });
}

Var softmax(const In& x, int axis) {
  return along(x, axis, "softmax", [](const In& rows) {
    const Tensor y = softmax(rows.value());
    return record(softmax_op, y, {&rows}, [y](const Var& g, Cotangents& d) {
      if (!recording()) return d.add(0, Var(softmax_gradient(g.value(), y)));
      const Var p = d.output(y);
      d.add(0, p * (g - sum(g * p, -1, {.keepdim = true})));
    });
  });
}

Var log_softmax(const In& x, int axis) {
  return along(x, axis, "log_softmax", [](const In& rows) {
    const Tensor y = log_softmax(rows.value());
    return record(log_softmax_op, y, {&rows}, [y](const Var& g, Cotangents& d) {
      if (!recording()) return d.add(0, Var(log_softmax_gradient(g.value(), y)));
      d.add(0, g - exp(d.output(y)) * sum(g, -1, {.keepdim = true}));
    });
  });
}

}  // namespace unroll
