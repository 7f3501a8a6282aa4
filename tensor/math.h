// Arithmetic of tensors, element by element, broadcast as in NumPy. The differentiable twins are in
// autograd/ops.h.
//
// A result has the memory order of its operands: of a transposed matrix it is a transposed matrix,
// where all operands of its shape agree. Otherwise it is row-major. So strides() has to be asked,
// or contiguous(), before data() is read.
#pragma once

#include <unroll/tensor/kernels/elementwise.h>
#include <unroll/tensor/tensor.h>

namespace unroll {

// add, sub, mul, div, pow, minimum, maximum; equal, less and less_equal give 1 or 0. A number takes
// the type of the tensor that it meets.
#define UNROLL_DECLARE(name, ...)                                                                 \
  Tensor name(const Tensor& a, const Tensor& b);                                                  \
  inline Tensor name(const Tensor& a, double b) { return name(a, Tensor::scalar(b, a.dtype())); } \
  inline Tensor name(double a, const Tensor& b) { return name(Tensor::scalar(a, b.dtype()), b); }
UNROLL_BINARY_OPS(UNROLL_DECLARE)
#undef UNROLL_DECLARE

// t += u is t = t + u: the result is new, and other handles and views of the old numbers keep them.
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
// Functions of one variable, neg, exp, log ... clamp: the table in unary_ops.h says what each is.
#define UNROLL_DEFINE(name, parameters, arguments, required, ...)             \
  inline Tensor name(const Tensor& x UNROLL_AND parameters) {                 \
    detail::check_unary(#name, required, #required, {UNROLL_LIST arguments}); \
    return detail::unary(detail::UnaryOp::name, x UNROLL_AND arguments);      \
  }
UNROLL_UNARY_OPS(UNROLL_DEFINE)
#undef UNROLL_DEFINE
inline Tensor operator-(const Tensor& x) { return neg(x); }

// a where the condition is not 0, else b; all three broadcast.
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);
inline Tensor where(const Tensor& condition, const Tensor& a, double b) {
  return where(condition, a, Tensor::scalar(b, a.dtype()));
}
inline Tensor where(const Tensor& condition, double a, const Tensor& b) {
  return where(condition, Tensor::scalar(a, b.dtype()), b);
}
// y += x; the shapes are equal, y is written through its strides.
void add_into(Tensor& y, const Tensor& x);
bool all_finite(const Tensor& x);

struct Tolerance {
  double relative = 1e-5, absolute = 1e-8;
  bool equal_nan = false;  // NaN equals NaN
};
// True when |a - b| <= absolute + relative |b| in each place, as NumPy has it; infinities are close
// to themselves alone. The types may differ; throws when the shapes do.
bool allclose(const Tensor& a, const Tensor& b, const Tolerance& tolerance = {});

}  // namespace unroll
