// sort, argsort and topk along an axis.
#include <unroll/tensor/indexing.h>

#include <algorithm>
#include <cmath>

namespace unroll {
namespace {

// NaN counts as the largest.
template <class T>
bool less_than(T a, T b) {
  return std::isnan(b) ? !std::isnan(a) : a < b;
}

// The indices of the first `count` elements in sorted order, for each row along the axis. The axis
// gets size `count`.
IndexTensor ordered(const Tensor& x, int axis, bool descending, Index count) {
  const Shape& shape = x.shape();
  const Shape out_shape = shape.with(axis, count);
  const Tensor source = x.contiguous();
  Index inner = 1;
  for (int i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
  const Index n = shape[axis], outer = n > 0 ? shape.numel() / n / std::max<Index>(inner, 1) : 0;
  std::vector<Index> out(static_cast<std::size_t>(out_shape.numel())), order;
  if (out.empty()) return {std::move(out), out_shape};
  dispatch(x.dtype(), [&]<class T>() {
    const T* values = source.data<T>();
    for (Index o = 0; o < outer; ++o)
      for (Index j = 0; j < inner; ++j) {
        const T* row = values + o * n * inner + j;
        order = counted_indices("sort", n);
        const auto before = [&](Index a, Index b) {
          const T va = row[a * inner], vb = row[b * inner];
          const bool first = descending ? less_than(vb, va) : less_than(va, vb);
          const bool second = descending ? less_than(va, vb) : less_than(vb, va);
          return first || (!second && a < b);
        };
        // Indices are distinct and break ties, so any sort gives the stable order.
        if (count < n) {
          std::partial_sort(order.begin(), order.begin() + count, order.end(), before);
        } else {
          std::sort(order.begin(), order.end(), before);
        }
        for (Index i = 0; i < count; ++i)
          out[static_cast<std::size_t>((o * count + i) * inner + j)] =
              order[static_cast<std::size_t>(i)];
      }
  });
  return {std::move(out), out_shape};
}

}  // namespace

IndexTensor argsort(const Tensor& x, int axis, const SortOptions& options) {
  axis = x.shape().axis(axis, "sort");
  return ordered(x, axis, options.descending, x.shape()[axis]);
}

Sorted sort(const Tensor& x, int axis, const SortOptions& options) {
  const IndexTensor indices = argsort(x, axis, options);
  return {gather(x, axis, indices), indices};
}

IndexTensor argtopk(const Tensor& x, Index k, int axis) {
  axis = x.shape().axis(axis, "topk");
  check(k >= 0 && k <= x.shape()[axis],
        "topk: a number in [0, {}] was required on axis {} of {}: got {}", x.shape()[axis], axis,
        x.shape(), k);
  return ordered(x, axis, true, k);
}

Sorted topk(const Tensor& x, Index k, int axis) {
  const IndexTensor indices = argtopk(x, k, axis);
  return {gather(x, axis, indices), indices};
}

}  // namespace unroll
