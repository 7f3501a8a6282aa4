// Elementwise arithmetic of tensors, broadcast as in NumPy. The differentiable versions are in
// autograd/ops.h. All functions throw std::invalid_argument if shapes cannot be broadcast or dtypes
// differ.
//
// A result has the memory order that all operands of its shape share (for transposed matrices it is
// a transposed matrix); otherwise it is row-major. So check strides(), or call contiguous(), before
// reading data().
#pragma once

#include <unroll/tensor/binary_ops.h>
#include <unroll/tensor/tensor.h>
#include <unroll/tensor/unary_ops.h>

namespace unroll {

// add, sub, mul, div, pow, minimum, maximum; equal, less and less_equal, which give 1 where they
// hold, otherwise 0. A number takes the dtype of the other operand.
#define UNROLL_DECLARE(name, ...)                                                                 \
  Tensor name(const Tensor& a, const Tensor& b);                                                  \
  inline Tensor name(const Tensor& a, double b) { return name(a, Tensor::scalar(b, a.dtype())); } \
  inline Tensor name(double a, const Tensor& b) { return name(Tensor::scalar(a, b.dtype()), b); }
UNROLL_BINARY_OPS(UNROLL_DECLARE)
#undef UNROLL_DECLARE

// t += u means t = t + u: the result is a new tensor; other handles and views keep the old
// elements.
#define UNROLL_DECLARE(sign, name)                                                       \
  inline Tensor operator sign(const Tensor& a, const Tensor& b) { return name(a, b); }   \
  inline Tensor operator sign(const Tensor& a, double b) { return name(a, b); }          \
  inline Tensor operator sign(double a, const Tensor& b) { return name(a, b); }          \
  inline Tensor& operator sign##=(Tensor& a, const Tensor& b) { return a = name(a, b); } \
  inline Tensor& operator sign##=(Tensor& a, double b) { return a = name(a, b); }
UNROLL_DECLARE(+, add)
UNROLL_DECLARE(-, sub)
UNROLL_DECLARE(*, mul)
UNROLL_DECLARE(/, div)
#undef UNROLL_DECLARE

namespace detail {
Tensor unary(UnaryOp op, const Tensor& x, double p = 0, double q = 0);
}
// Functions of one variable: neg, exp, log ... clamp. They are defined in the table in unary_ops.h.
#define UNROLL_DEFINE(name, parameters, arguments, required, ...)             \
  inline Tensor name(const Tensor& x UNROLL_AND parameters) {                 \
    detail::check_unary(#name, required, #required, {UNROLL_LIST arguments}); \
    return detail::unary(detail::UnaryOp::name, x UNROLL_AND arguments);      \
  }
UNROLL_UNARY_OPS(UNROLL_DEFINE)
#undef UNROLL_DEFINE
inline Tensor operator-(const Tensor& x) { return neg(x); }

// a where the condition is not 0, otherwise b; all three broadcast.
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);
inline Tensor where(const Tensor& condition, const Tensor& a, double b) {
  return where(condition, a, Tensor::scalar(b, a.dtype()));
}
inline Tensor where(const Tensor& condition, double a, const Tensor& b) {
  return where(condition, Tensor::scalar(a, b.dtype()), b);
}
// y += x, in place. The shapes must be equal; y may have any strides.
void add_into(Tensor& y, const Tensor& x);
// True if no element is NaN or infinite.
bool all_finite(const Tensor& x);

struct Tolerance {
  double relative = 1e-5, absolute = 1e-8;
  bool equal_nan = false;  // whether NaN equals NaN
};
// True if |a - b| <= absolute + relative |b| for every element, as in NumPy. Infinities are close
// only to equal infinities. The dtypes may differ; throws if the shapes do.
bool allclose(const Tensor& a, const Tensor& b, const Tolerance& tolerance = {});

}  // namespace unroll
