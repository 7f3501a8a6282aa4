// Reductions over any axes (default: all), softmax and normalisation along the last axis.
#pragma once

#include <unroll/tensor/index_tensor.h>
#include <unroll/tensor/tensor.h>

namespace unroll {

struct ReduceOptions {
  bool keepdim = false;  // keep the reduced axes, with size 1
};

// The shape after reducing `axes`. Throws std::invalid_argument, naming `op`, if an axis is out of
// range or named twice.
Shape reduced_shape(const char* op, const Shape& shape, const Axes& axes,
                    const ReduceOptions& options);

// Reduces one axis (1), several ({0, 2}), or by default all. Reduced axes are removed, unless
// {.keepdim = true}. A sum without elements is 0; the others throw std::invalid_argument, unless
// the result has no elements either.
Tensor sum(const Tensor& x, const Axes& axes = {}, const ReduceOptions& options = {});
Tensor mean(const Tensor& x, const Axes& axes = {}, const ReduceOptions& options = {});
Tensor max(const Tensor& x, const Axes& axes = {}, const ReduceOptions& options = {});
Tensor min(const Tensor& x, const Axes& axes = {}, const ReduceOptions& options = {});
// The sum of squares.
Tensor sum_of_squares(const Tensor& x, const Axes& axes = {}, const ReduceOptions& options = {});
// The sums of x - centre and of its square; centre has the shape of the results, in which reduced
// axes are kept as size 1.
struct Deviations {
  Tensor sum, squares;
};
Deviations deviations(const Tensor& x, const Tensor& centre, const Axes& axes = {});
// The index of the largest element along `axis`, the first if several are equal. NaN counts as the
// largest, as in max.
IndexTensor argmax(const Tensor& x, int axis = -1);
// The same for the smallest element; NaN counts as the smallest, as in min.
IndexTensor argmin(const Tensor& x, int axis = -1);
// Sums x down to `shape`; the inverse of broadcasting `shape` to the shape of x.
Tensor sum_to(const Tensor& x, const Shape& shape);
struct CumsumOptions {
  bool reverse = false;  // sum from the end: y_i = x_i + x_{i+1} + ...
};
// Cumulative sum along an axis: y_i = x_0 + ... + x_i. Same shape as x.
Tensor cumsum(const Tensor& x, int axis, const CumsumOptions& options = {});

// Along the last axis; same shape as x.
Tensor softmax(const Tensor& x);
Tensor log_softmax(const Tensor& x);
// The gradient of x, from the result y and its gradient g.
Tensor softmax_gradient(const Tensor& g, const Tensor& y);
Tensor log_softmax_gradient(const Tensor& g, const Tensor& y);
Tensor logsumexp_last(const Tensor& x);  // [.., n] -> [..]
// Its two parts, the maximum `top` and log sum exp(x - top). For a large top, their sum would round
// the second away.
struct LogSumExp {
  Tensor top, log_sum;  // [..]
};
LogSumExp logsumexp_parts(const Tensor& x);

}  // namespace unroll
