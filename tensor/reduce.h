// Reductions over any axes (default: all), softmax and normalisation along the last axis.
#pragma once

#include <unroll/tensor/index_tensor.h>
#include <unroll/tensor/tensor.h>

namespace unroll {

// The shape after reducing `axes`; throws if an axis is out of range or named twice.
Shape reduced_shape(const char* op, const Shape& shape, const Axes& axes, bool keepdim);

// Reduces one axis (1), several ({0, 2}), or by default all. Reduced axes are removed, or kept as
// size 1 with keepdim. A sum without elements is 0; the others throw, unless the result is empty
// too.
Tensor sum(const Tensor& x, const Axes& axes = {}, bool keepdim = false);
Tensor mean(const Tensor& x, const Axes& axes = {}, bool keepdim = false);
Tensor max(const Tensor& x, const Axes& axes = {}, bool keepdim = false);
Tensor min(const Tensor& x, const Axes& axes = {}, bool keepdim = false);
// The sum of squares.
Tensor sum_of_squares(const Tensor& x, const Axes& axes = {}, bool keepdim = false);
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
// Cumulative sum along an axis; with `reverse` from the end. Same shape as x.
Tensor cumsum(const Tensor& x, int axis, bool reverse = false);

// Along the last axis; same shape as x. softmax_gradient gives the gradient of x from that of the
// result g and the result y (of log_softmax if `logarithm`).
Tensor softmax(const Tensor& x);
Tensor log_softmax(const Tensor& x);
Tensor softmax_gradient(const Tensor& g, const Tensor& y, bool logarithm);
Tensor logsumexp_last(const Tensor& x);  // [.., n] -> [..]
// Its two parts, the maximum `top` and log sum exp(x - top). For a large top, their sum would round
// the second away.
struct LogSumExp {
  Tensor top, log_sum;  // [..]
};
LogSumExp logsumexp_parts(const Tensor& x);

}  // namespace unroll
