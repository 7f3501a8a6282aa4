// Ops on Tensors only, which return Tensors, and functions of a Var that have no gradient
// (comparisons, argmax and the like). Included by ops.h, which documents the ops.
#pragma once

#include <unroll/autograd/ops.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/matmul.h>
#include <unroll/tensor/reduce.h>

namespace unroll {

// --- elementwise ---
inline Tensor masked_fill(const Tensor& x, const Tensor& mask, double value) {
  return masked_fill(In(x), mask, value).value();
}

// --- reductions ---
inline Tensor prod(const Tensor& x, const Axes& axes = {}, const ReduceOptions& options = {}) {
  return prod(In(x), axes, options).value();
}
inline Tensor var(const Tensor& x, const Axes& axes = {}, const VarianceOptions& options = {}) {
  return var(In(x), axes, options).value();
}
inline Tensor stddev(const Tensor& x, const Axes& axes = {}, const VarianceOptions& options = {}) {
  return stddev(In(x), axes, options).value();
}
inline Tensor norm(const Tensor& x, const Axes& axes = {}, const ReduceOptions& options = {}) {
  return norm(In(x), axes, options).value();
}
inline Tensor logsumexp(const Tensor& x, const Axes& axes = {}, const ReduceOptions& options = {}) {
  return logsumexp(In(x), axes, options).value();
}
inline Tensor logcumsumexp(const Tensor& x, int axis) { return logcumsumexp(In(x), axis).value(); }
inline Tensor softmax(const Tensor& x, int axis) { return softmax(In(x), axis).value(); }
inline Tensor log_softmax(const Tensor& x, int axis) { return log_softmax(In(x), axis).value(); }

// --- products ---
inline Tensor linear(const Tensor& x, const Tensor& w) { return linear(x, w, Tensor()); }

// --- shapes ---
inline Tensor reshape(const Tensor& x, const Shape& shape) { return x.reshape(shape); }
inline Tensor reshape(const Tensor& x, std::initializer_list<AnyIndex> sizes) {
  return x.reshape(sizes);
}
inline Tensor transpose(const Tensor& x, int a = -2, int b = -1) { return x.transpose(a, b); }
inline Tensor permute(const Tensor& x, const std::vector<int>& axes) { return x.permute(axes); }
inline Tensor narrow(const Tensor& x, int axis, Index start, Index length) {
  return x.narrow(axis, start, length);
}
inline Tensor select(const Tensor& x, int axis, Index index) { return x.select(axis, index); }
inline Tensor expand(const Tensor& x, const Shape& shape) { return x.expand(shape); }
inline Tensor unsqueeze(const Tensor& x, int axis) { return x.unsqueeze(axis); }
inline Tensor squeeze(const Tensor& x, int axis) { return x.squeeze(axis); }
std::vector<Tensor> split(const Tensor& x, const std::vector<Index>& sizes, int axis = 0);
std::vector<Tensor> split(const Tensor& x, Index size, int axis = 0);

// --- indexing ---
inline Tensor scatter_rows(const Tensor& x, const IndexTensor& ids, Index rows) {
  return scatter_rows(In(x), ids, rows).value();
}

// --- of a Var, without a gradient ---
// Comparisons give 1 where they hold, otherwise 0; operands are broadcast.
inline Tensor equal(const In& a, const In& b) {
  return equal(a.like(b).value(), b.like(a).value());
}
inline Tensor less(const In& a, const In& b) { return less(a.like(b).value(), b.like(a).value()); }
inline Tensor less_equal(const In& a, const In& b) {
  return less_equal(a.like(b).value(), b.like(a).value());
}
inline bool allclose(const In& a, const In& b, const Tolerance& tolerance = {}) {
  return allclose(a.like(b).value(), b.like(a).value(), tolerance);
}
inline bool all_finite(const In& x) { return all_finite(x.value()); }
inline IndexTensor argmax(const In& x, int axis = -1) { return argmax(x.value(), axis); }
inline IndexTensor argmin(const In& x, int axis = -1) { return argmin(x.value(), axis); }
inline IndexTensor argsort(const In& x, int axis = -1, const SortOptions& options = {}) {
  return argsort(x.value(), axis, options);
}
inline IndexTensor argtopk(const In& x, Index k, int axis = -1) {
  return argtopk(x.value(), k, axis);
}

}  // namespace unroll
