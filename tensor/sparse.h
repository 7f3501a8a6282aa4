// SparseRows: a sparse matrix in compressed sparse row form (CSR), for example bags of words: a
// document has few of many thousands of words.
#pragma once

#include <unroll/tensor/index_tensor.h>
#include <unroll/tensor/tensor.h>

#include <initializer_list>

namespace unroll {

// N rows, V columns, K stored elements. Row n has values[k] at column ids[k] for k in [starts[n],
// starts[n + 1]). A column may occur several times in a row: its values are added. Copies share the
// elements. All functions throw std::invalid_argument if shapes or ids do not fit.
class SparseRows {
 public:
  SparseRows() = default;  // no rows, no columns
  SparseRows(IndexTensor starts, IndexTensor ids, Tensor values, Index columns);
  // One row for each list of ids, each id with the value 1. counted() turns it into counts.
  static SparseRows from(std::span<const std::vector<Index>> lists, Index columns,
                         DType dtype = f32);
  static SparseRows from(std::initializer_list<std::vector<Index>> lists, Index columns,
                         DType dtype = f32) {
    return from(std::span(lists.begin(), lists.size()), columns, dtype);
  }

  Index rows() const { return starts_.defined() ? starts_.numel() - 1 : 0; }  // N
  Index columns() const { return columns_; }                                  // V
  Index stored() const { return ids_.numel(); }                               // K
  const IndexTensor& starts() const { return starts_; }                       // [N + 1]
  const IndexTensor& ids() const { return ids_; }                             // [K]
  const Tensor& values() const { return values_; }                            // [K]
  DType dtype() const { return values_.dtype(); }
  IndexTensor row_of_values() const;  // [K]

  Tensor dense() const;  // [N, V]
  Tensor sums() const;   // of each row, [N]
  SparseRows to(DType dtype) const { return with_values(values_.to(dtype)); }
  // The rows with these indices, in this order: a batch.
  SparseRows select(std::span<const Index> rows) const;
  // Merges duplicates: in a row each column occurs once, in ascending order, with the sum of its
  // values.
  SparseRows counted() const;
  // The same columns with other values [K].
  SparseRows with_values(Tensor values) const;

 private:
  IndexTensor starts_ = IndexTensor({0}), ids_ = IndexTensor(std::vector<Index>());
  Tensor values_ = Tensor::zeros({0});
  Index columns_ = 0;
};

// x [N, V] w [V, D] -> [N, D]
Tensor matmul(const SparseRows& x, const Tensor& w);

// x^T g [V, D] for x [N, V], g [N, D]: only the rows of columns that occur in x. The others are 0.
struct TransposedProduct {
  IndexTensor ids;  // [U] ascending, each once
  Tensor rows;      // [U, D]
};
TransposedProduct transposed_matmul(const SparseRows& x, const Tensor& g);

}  // namespace unroll
