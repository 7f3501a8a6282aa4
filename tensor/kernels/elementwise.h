// Elementwise kernels over contiguous memory. T is float or double.
#pragma once

#include <unroll/tensor/binary_ops.h>
#include <unroll/tensor/kernels/dispatch.h>
#include <unroll/tensor/unary_ops.h>

namespace unroll::kernels {

#define UNROLL_NAME(name, ...) name,
using Unary = detail::UnaryOp;
enum class Binary : std::uint8_t { UNROLL_BINARY_OPS(UNROLL_NAME) };
#undef UNROLL_NAME

template <class T>
struct UnaryKernels;
template <class T>
struct BinaryKernels;

// y[i] = f(x[i])
template <class T>
void unary(Unary op, const T* x, T* y, Index n, T p = 0, T q = 0) {
  table<UnaryKernels, T>().unary(op, x, y, n, p, q);
}
// dx[i] = g[i * stride_g] * f'(x[i * stride_s]); s is the saved input or output; strides are 0 or 1
template <class T>
void unary_gradient(Unary op, const T* g, Index stride_g, const T* s, Index stride_s, T* dx,
                    Index n, T p = 0, T q = 0) {
  table<UnaryKernels, T>().unary_gradient(op, g, stride_g, s, stride_s, dx, n, p, q);
}

// y[i] = f(a[i * stride_a], b[i * stride_b]); strides are 0 or 1
template <class T>
void binary(Binary op, const T* a, Index stride_a, const T* b, Index stride_b, T* y, Index n) {
  table<BinaryKernels, T>().binary(op, a, stride_a, b, stride_b, y, n);
}

// y[i] = from[0] is not 0 ? from[1] : from[2], at i * strides[k] of each; strides are 0 or 1
template <class T>
void where(const T* const* from, const Index* strides, T* y, Index n) {
  table<BinaryKernels, T>().where(from, strides, y, n);
}
// y[i] += x[i]
template <class T>
void add_into(T* y, const T* x, Index n) {
  binary(Binary::add, y, 1, x, 1, y, n);
}
template <class T>
bool all_finite(const T* x, Index n) {
  return table<BinaryKernels, T>().all_finite(x, n);
}

template <class T>
struct UnaryKernels {
  decltype(&kernels::unary<T>) unary;
  decltype(&kernels::unary_gradient<T>) unary_gradient;
};
template <class T>
struct BinaryKernels {
  decltype(&kernels::binary<T>) binary;
  decltype(&kernels::where<T>) where;
  decltype(&kernels::all_finite<T>) all_finite;
};

}  // namespace unroll::kernels
