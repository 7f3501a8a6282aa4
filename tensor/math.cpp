#include <unroll/tensor/joined.h>
#include <unroll/tensor/kernels/tuning.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/strided.h>
#include <unroll/tensor/unary.h>

#include <algorithm>
#include <cmath>

namespace unroll {
namespace {

Tensor combine(kernels::Binary op, const char* name, const Tensor& a, const Tensor& b) {
  check_same_dtype(name, a, b);
  const bool flat = a.is_contiguous() && b.is_contiguous() && a.shape() == b.shape();
  Tensor y = flat ? Tensor::empty(a.shape(), a.dtype())  // most frequent, so looked for first
                  : detail::empty_for(broadcast(name, a.shape(), b.shape()), {&a, &b});
  dispatch(a.dtype(), [&]<class T>() {
    detail::elementwise<T>(y, {&a, &b},
                           [op](const T* const* from, const Index* strides, T* to, Index n) {
                             kernels::binary(op, from[0], strides[0], from[1], strides[1], to, n);
                           });
  });
  return y;
}

}  // namespace

#define UNROLL_DEFINE(name, ...)                        \
  Tensor name(const Tensor& a, const Tensor& b) {       \
    return combine(kernels::Binary::name, #name, a, b); \
  }
#define UNROLL_PLAIN_BINARY(X) \
  X(add) X(sub) X(mul) X(div) X(minimum) X(maximum) X(equal) X(less) X(less_equal)
UNROLL_PLAIN_BINARY(UNROLL_DEFINE)
#undef UNROLL_DEFINE

// a^3 in one pass over memory.
static Tensor cubed(const Tensor& a) {
  Tensor y = Tensor::empty_like(a);
  dispatch(a.dtype(), [&]<class T>() {
    detail::elementwise_near<T>(
        y, {&a}, [](const T* const* from, const Index* strides, T* to, Index n) {
          kernels::binary(kernels::Binary::mul, from[0], strides[0], from[0], strides[0], to, n);
          kernels::binary(kernels::Binary::mul, to, 1, from[0], strides[0], to, n);
        });
  });
  return y;
}

Tensor pow(const Tensor& a, const Tensor& b) {
  // A single exponent is often one that needs no logarithm.
  if (b.numel() == 1 && a.rank() >= b.rank()) {
    check_same_dtype("pow", a, b);
    const double exponent = b.item();
    if (exponent == 1) return a.clone();
    if (exponent == 2) return square(a);
    if (exponent == 3) return cubed(a);
    if (exponent == -1) return reciprocal(a);
    if (exponent == -2) return reciprocal(square(a));
    if (exponent == 0.5) return sqrt(a);
    if (exponent == -0.5) return reciprocal(sqrt(a));
  }
  return combine(kernels::Binary::pow, "pow", a, b);
}

namespace {
const char* name_of(kernels::Unary op) {
#define UNROLL_STRING(name, ...) #name,
  static constexpr const char* kNames[] = {UNROLL_UNARY_OPS(UNROLL_STRING)};
#undef UNROLL_STRING
  return kNames[static_cast<std::size_t>(op)];
}
}  // namespace

void detail::check_unary(const char* name, bool holds, const char* required,
                         std::initializer_list<double> given) {
  if (holds) return;
  fail("{}: {} was required: got {}", name, required,
       detail::joined({given.begin(), given.size()}, " and "));
}

Tensor detail::unary(UnaryOp op, const Tensor& x, double p, double q) {
  Tensor y = Tensor::empty_like(x);
  dispatch(x.dtype(), [&]<class T>() {
    detail::elementwise<T>(
        y, {&x}, [=](const T* const* from, const Index* strides, T* to, Index n) {
          if (strides[0] == 1)
            return kernels::unary(op, from[0], to, n, static_cast<T>(p), static_cast<T>(q));
          T value;
          kernels::unary(op, from[0], &value, 1, static_cast<T>(p), static_cast<T>(q));
          detail::fill_run(to, n, value);
        });
  });
  return y;
}

Tensor apply_gradient(kernels::Unary op, const Tensor& g, const Tensor& saved, double p, double q) {
  check_same_dtype(name_of(op), g, saved);
  check(g.shape() == saved.shape(), "{}: a gradient of the shape {} was required: got {}",
        name_of(op), saved.shape(), g.shape());
  Tensor dx = g.is_unique() && detail::is_dense(g) ? g : detail::empty_for(g.shape(), {&g, &saved});
  dispatch(g.dtype(), [&]<class T>() {
    detail::elementwise<T>(dx, {&g, &saved},
                           [=](const T* const* from, const Index* strides, T* to, Index n) {
                             kernels::unary_gradient(op, from[0], strides[0], from[1], strides[1],
                                                     to, n, static_cast<T>(p), static_cast<T>(q));
                           });
  });
  return dx;
}

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  check_same_dtype("where", a, b);
  const Shape shape =
      broadcast("where", condition.shape(), broadcast("where", a.shape(), b.shape()));
  // A value that is not 0 in its own dtype may round to 0 in a's.
  const Tensor c = condition.dtype() == a.dtype()
                       ? condition
                       : sub(Tensor::scalar(1, condition.dtype()),
                             equal(condition, Tensor::scalar(0, condition.dtype())))
                             .to(a.dtype());
  Tensor y = detail::empty_for(shape, {&a, &b, &c});
  dispatch(a.dtype(), [&]<class T>() {
    detail::elementwise<T>(y, {&c, &a, &b},
                           [](const T* const* from, const Index* strides, T* to, Index n) {
                             kernels::where(from, strides, to, n);
                           });
  });
  return y;
}

void add_into(Tensor& y, const Tensor& x) {
  check(y.shape() == x.shape(), "add_into: one shape was required: got {} into {}", x.shape(),
        y.shape());
  check_same_dtype("add_into", y, x);
  check_writable("add_into", y);
  const Tensor source = y.shares_storage_with(x) ? x.clone() : x;
  dispatch(y.dtype(), [&]<class T>() {
    detail::elementwise<T>(
        y, {&y, &source}, [](const T* const* from, const Index* strides, T* to, Index n) {
          kernels::binary(kernels::Binary::add, from[0], strides[0], from[1], strides[1], to, n);
        });
  });
  y.mark_written();
}

bool all_finite(const Tensor& x) {
  const Tensor source = x.contiguous();
  return dispatch(x.dtype(),
                  [&]<class T>() { return kernels::all_finite(source.data<T>(), source.numel()); });
}

bool allclose(const Tensor& a, const Tensor& b, const Tolerance& tolerance) {
  check(a.shape() == b.shape(), "allclose: one shape was required: got {} and {}", a.shape(),
        b.shape());
  check(tolerance.relative >= 0 && tolerance.absolute >= 0,
        "allclose: tolerances of at least 0 were required: got {} and {}", tolerance.relative,
        tolerance.absolute);
  const std::vector<double> x = a.to_vector<double>(), y = b.to_vector<double>();
  const auto close = [&](double v, double w) {
    if (std::isnan(v) || std::isnan(w))
      return tolerance.equal_nan && std::isnan(v) && std::isnan(w);
    if (v == w) return true;
    return std::isfinite(v) && std::isfinite(w) &&
           std::abs(v - w) <= tolerance.absolute + tolerance.relative * std::abs(w);
  };
  return std::equal(x.begin(), x.end(), y.begin(), close);
}

}  // namespace unroll
