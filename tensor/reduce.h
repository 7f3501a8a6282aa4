// Reductions over any axes (none given: all of them), softmax and normalisation along the last
// axis.
#pragma once

#include <unroll/tensor/index_tensor.h>
#include <unroll/tensor/tensor.h>

namespace unroll {

// The shape after reducing `axes` of `shape`; throws on an axis out of range or named twice.
Shape reduced_shape(const char* op, const Shape& shape, const Axes& axes, bool keepdim);

// Over one axis (1), several ({0, 2}) or all of them (not given), which are removed, or with
// keepdim kept as size 1. A sum of no elements is 0; the others refuse it, unless the result is
// empty itself.
Tensor sum(const Tensor& x, const Axes& axes = {}, bool keepdim = false);
Tensor mean(const Tensor& x, const Axes& axes = {}, bool keepdim = false);
Tensor max(const Tensor& x, const Axes& axes = {}, bool keepdim = false);
Tensor min(const Tensor& x, const Axes& axes = {}, bool keepdim = false);
// Where the largest number of each row along `axis` stands; the first of equals. NaN counts as the
// largest, as in max.
IndexTensor argmax(const Tensor& x, int axis = -1);
// The same for the smallest; NaN counts as the smallest, as in min.
IndexTensor argmin(const Tensor& x, int axis = -1);
// Adds what was broadcast up again: x summed to `shape`, which broadcasts to x's.
Tensor sum_to(const Tensor& x, const Shape& shape);
Tensor cumsum(const Tensor& x, int axis, bool reverse = false);

// Along the last axis.
Tensor softmax(const Tensor& x);
Tensor log_softmax(const Tensor& x);
Tensor softmax_gradient(const Tensor& g, const Tensor& y, bool logarithm);
Tensor logsumexp_last(const Tensor& x);  // [.., n] -> [..]
// Its two parts, the largest element and log sum exp(x - top): where the top is large, their sum
// would round the second away.
struct LogSumExp {
  Tensor top, log_sum;  // [..]
};
LogSumExp logsumexp_parts(const Tensor& x);

}  // namespace unroll
