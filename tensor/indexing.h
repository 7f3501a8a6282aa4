// Joining, splitting, gathering and scattering. All functions throw std::invalid_argument if
// shapes, dtypes or indices do not fit.
#pragma once

#include <unroll/tensor/index_tensor.h>
#include <unroll/tensor/tensor.h>

namespace unroll {

// concat joins along an existing axis; sizes along the other axes must be equal. stack joins along
// a new axis; all shapes must be equal.
Tensor concat(std::span<const Tensor> parts, int axis = 0);
Tensor stack(std::span<const Tensor> parts, int axis = 0);
inline Tensor concat(std::initializer_list<Tensor> parts, int axis = 0) {
  return concat(std::span(parts.begin(), parts.size()), axis);
}
inline Tensor stack(std::initializer_list<Tensor> parts, int axis = 0) {
  return stack(std::span(parts.begin(), parts.size()), axis);
}
// Reverses the order along an axis.
Tensor flip(const Tensor& x, int axis);
// Adds `before` and `after` slices of `value` at the ends of an axis.
Tensor pad(const Tensor& x, int axis, Index before, Index after, double value = 0);

// out[i][j] = x[index[i][j]][j] along the axis; index has x's rank, the result index's shape.
Tensor gather(const Tensor& x, int axis, const IndexTensor& index);
// A copy of x with source added at the elements that gather would read; equal indices add up.
Tensor scatter_add(const Tensor& x, int axis, const IndexTensor& index, const Tensor& source);
// The same, added to zeros of the given shape.
Tensor scatter_add(const Shape& shape, int axis, const IndexTensor& index, const Tensor& source);
// The same, in place; x may have any strides.
void scatter_add_into(Tensor& x, int axis, const IndexTensor& index, const Tensor& source);
// Slices x[.., index[i], ..] along the axis; index is 1-D [n]. The axis gets size n.
Tensor index_select(const Tensor& x, int axis, const IndexTensor& index);
// The transpose of index_select: zeros of size `size` along the axis, plus slice i of x at
// index[i].
Tensor index_add(const Tensor& x, int axis, const IndexTensor& index, Index size);
// ids [..] -> [.., classes]: 1 at each id, otherwise 0. Throws unless all ids are in [0, classes).
Tensor one_hot(const IndexTensor& ids, Index classes, DType dtype = f32);
// x [.., M, N] with zeros above (tril) or below (triu) a diagonal. 0 is the main diagonal; positive
// ones are above it.
Tensor tril(const Tensor& x, Index diagonal = 0);
Tensor triu(const Tensor& x, Index diagonal = 0);

// Sorts along an axis. `indices` are the positions of the sorted values in x. The sort is stable,
// and NaN counts as the largest.
struct Sorted {
  Tensor values;
  IndexTensor indices;
};
struct SortOptions {
  bool descending = false;
};
Sorted sort(const Tensor& x, int axis = -1, const SortOptions& options = {});
IndexTensor argsort(const Tensor& x, int axis = -1, const SortOptions& options = {});
// The k largest elements along an axis, largest first. Throws unless k is in [0, size of the axis].
Sorted topk(const Tensor& x, Index k, int axis = -1);
// The indices of topk only.
IndexTensor argtopk(const Tensor& x, Index k, int axis = -1);

// Rows of a table: [V, D] at ids [..] -> [.., D].
Tensor take_rows(const Tensor& table, const IndexTensor& ids);
// The ids that occur, ascending, each once; and for each given id its position in that list.
// Throws, naming `op`, unless all are in [0, limit).
struct Distinct {
  std::vector<Index> ids, places;
};
Distinct distinct(const char* op, std::span<const IndexTensor> parts, Index limit);
// table[ids[i]] += rows[i]; table [V, D], rows [N, D]
void add_rows_into(Tensor& table, const IndexTensor& ids, const Tensor& rows);

}  // namespace unroll
