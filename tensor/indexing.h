// Joining, cutting, picking and spreading.
#pragma once

#include <unroll/tensor/index_tensor.h>
#include <unroll/tensor/tensor.h>

namespace unroll {

Tensor concat(std::span<const Tensor> parts, int axis = 0);
Tensor stack(std::span<const Tensor> parts, int axis = 0);  // along a new axis
inline Tensor concat(std::initializer_list<Tensor> parts, int axis = 0) {
  return concat(std::span(parts.begin(), parts.size()), axis);
}
inline Tensor stack(std::initializer_list<Tensor> parts, int axis = 0) {
  return stack(std::span(parts.begin(), parts.size()), axis);
}
Tensor flip(const Tensor& x, int axis);
Tensor pad(const Tensor& x, int axis, Index before, Index after, double value = 0);

// out[i][j] = x[index[i][j]][j] along the axis; index has x's rank.
Tensor gather(const Tensor& x, int axis, const IndexTensor& index);
// A copy of x with source added at the places that gather would read.
Tensor scatter_add(const Tensor& x, int axis, const IndexTensor& index, const Tensor& source);
// The same into x itself, through its strides.
void scatter_add_into(Tensor& x, int axis, const IndexTensor& index, const Tensor& source);
Tensor index_select(const Tensor& x, int axis, const IndexTensor& index);
// The transpose of index_select: zeros of size `size` along the axis, with x's slices added at the
// indices.
Tensor index_add(const Tensor& x, int axis, const IndexTensor& index, Index size);
// 1 at each id of [..], 0 elsewhere: [.., classes]. Throws unless all ids are in [0, classes).
Tensor one_hot(const IndexTensor& ids, Index classes, DType dtype = f32);
// x [.., M, N] with zeros above (tril) or below (triu) a diagonal: 0 the main one, above it
// positive.
Tensor tril(const Tensor& x, Index diagonal = 0);
Tensor triu(const Tensor& x, Index diagonal = 0);

// In order along an axis: values, and where in x each was. Equal ones keep their order; NaN counts
// as the largest.
struct Sorted {
  Tensor values;
  IndexTensor indices;
};
struct SortOptions {
  bool descending = false;
};
Sorted sort(const Tensor& x, int axis = -1, const SortOptions& options = {});
IndexTensor argsort(const Tensor& x, int axis = -1, const SortOptions& options = {});
// The k largest along an axis, the largest first; throws unless k is in [0, size of the axis].
Sorted topk(const Tensor& x, Index k, int axis = -1);
// Where they are alone.
IndexTensor argtopk(const Tensor& x, Index k, int axis = -1);

// Rows of a table [V, D] at ids [..] -> [.., D].
Tensor take_rows(const Tensor& table, const IndexTensor& ids);
// The ids that occur, ascending, each once; and for each given one, in order, its place among them.
// Throws, with `op` first, unless all are in [0, limit).
struct Distinct {
  std::vector<Index> ids, places;
};
Distinct distinct(const char* op, std::span<const IndexTensor> parts, Index limit);
// table[ids[i]] += rows[i]; table [V, D], rows [N, D]
void add_rows_into(Tensor& table, const IndexTensor& ids, const Tensor& rows);

}  // namespace unroll
