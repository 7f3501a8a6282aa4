// Joining, cutting, picking and spreading.
#pragma once

#include <unroll/tensor/index_tensor.h>
#include <unroll/tensor/tensor.h>

namespace unroll {

Tensor concat(std::span<const Tensor> parts, int axis = 0);
Tensor stack(std::span<const Tensor> parts, int axis = 0);
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
