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

#define UNROLL_DECLARE(name, ...) Tensor name(const Tensor& a, const Tensor& b);
UNROLL_BINARY_OPS(UNROLL_DECLARE)
#undef UNROLL_DECLARE
inline Tensor add(const Tensor& a, double b) { return add(a, Tensor::scalar(b, a.dtype())); }
inline Tensor mul(const Tensor& a, double b) { return mul(a, Tensor::scalar(b, a.dtype())); }

inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return sub(a, b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return mul(a, b); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return div(a, b); }
inline Tensor operator+(const Tensor& a, double b) { return add(a, b); }
inline Tensor operator-(const Tensor& a, double b) { return add(a, -b); }
inline Tensor operator*(const Tensor& a, double b) { return mul(a, b); }
inline Tensor operator/(const Tensor& a, double b) { return div(a, Tensor::scalar(b, a.dtype())); }
inline Tensor operator+(double a, const Tensor& b) { return b + a; }
inline Tensor operator*(double a, const Tensor& b) { return b * a; }
inline Tensor operator-(double a, const Tensor& b) { return sub(Tensor::scalar(a, b.dtype()), b); }
inline Tensor operator/(double a, const Tensor& b) { return div(Tensor::scalar(a, b.dtype()), b); }

// Functions of one variable: neg, exp, log, ..., softplus, clamp; p and q are the parameters of
// those that have any.
Tensor apply(kernels::Unary op, const Tensor& x, double p = 0, double q = 0);
// g * f'(.), from the input or output that UNROLL_UNARY_OPS says. Where nobody else sees g, it is
// overwritten and returned.
Tensor apply_gradient(kernels::Unary op, const Tensor& g, const Tensor& saved, double p = 0,
                      double q = 0);

#define UNROLL_DEFINE(name, ...) \
  inline Tensor name(const Tensor& x) { return apply(kernels::Unary::name, x); }
#define UNROLL_PLAIN_UNARY(X) \
  X(neg)                      \
  X(exp)                      \
  X(log)                      \
  X(sqrt)                     \
  X(abs)                      \
  X(square)                   \
  X(reciprocal) X(sin) X(cos) X(tanh) X(sigmoid) X(relu) X(gelu) X(gelu_tanh) X(silu) X(softplus)
UNROLL_PLAIN_UNARY(UNROLL_DEFINE)
#undef UNROLL_PLAIN_UNARY
#undef UNROLL_DEFINE
inline Tensor operator-(const Tensor& x) { return neg(x); }

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);
// y += x; the shapes are equal, y is written through its strides.
void add_into(Tensor& y, const Tensor& x);
bool all_finite(const Tensor& x);

}  // namespace unroll
