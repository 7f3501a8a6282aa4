// Elementwise kernels over contiguous memory. T is float or double.
#pragma once

#include <unroll/tensor/binary_ops.h>
#include <unroll/tensor/unary_ops.h>

namespace unroll::kernels {

#define UNROLL_NAME(name, ...) name,
using Unary = detail::UnaryOp;
enum class Binary : std::uint8_t { UNROLL_BINARY_OPS(UNROLL_NAME) };
#undef UNROLL_NAME

// y[i] = f(x[i])
template <class T>
void unary(Unary op, const T* x, T* y, Index n, T p = 0, T q = 0);
// dx[i] = g[i * stride_g] * f'(x[i * stride_s]); s is the saved input or output; strides are 0 or 1
template <class T>
void unary_gradient(Unary op, const T* g, Index stride_g, const T* s, Index stride_s, T* dx,
                    Index n, T p = 0, T q = 0);

// y[i] = f(a[i * stride_a], b[i * stride_b]); strides are 0 or 1
template <class T>
void binary(Binary op, const T* a, Index stride_a, const T* b, Index stride_b, T* y, Index n);

// y[i] = from[0] is not 0 ? from[1] : from[2], at i * strides[k] of each; strides are 0 or 1
template <class T>
void where(const T* const* from, const Index* strides, T* y, Index n);
// y[i] += x[i]
template <class T>
void add_into(T* y, const T* x, Index n) {
  binary(Binary::add, y, 1, x, 1, y, n);
}
template <class T>
bool all_finite(const T* x, Index n);

}  // namespace unroll::kernels
