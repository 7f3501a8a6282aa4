// Gradients: what backward returns, a value. Add them up (`a += b`) to accumulate over batches,
// chunks or threads.
#pragma once

#include <unroll/autograd/param.h>
#include <unroll/tensor/index_tensor.h>

#include <map>

namespace unroll {

class Var;

// The gradient of an embedding table: only the rows that were used.
struct RowGradient {
  IndexTensor rows;  // [K] ascending, each once
  Tensor values;     // [K, D]
  Shape shape;       // of the whole table, [V, D]

  Tensor dense() const;  // [V, D]
  // The sum of table-shaped gradients of which only rows ids[i] <- values[i] [.., D] are not zero.
  static RowGradient sum(std::span<const IndexTensor> ids, std::span<const Tensor> values,
                         const Shape& table);
};

// One gradient: dense, rows of a table, or (after adding one to the other) both kinds met in the
// dense one.
struct Gradient {
  Tensor dense;
  RowGradient rows;
  std::shared_ptr<const ParamState> param;  // whose it is; null for a watched value

  bool is_rows() const { return !dense.defined(); }
  Tensor to_dense() const { return is_rows() ? rows.dense() : dense; }
  const Shape& shape() const { return is_rows() ? rows.shape : dense.shape(); }
  // The numbers that it holds: all of them, or those of the rows.
  Tensor& values() { return is_rows() ? rows.values : dense; }
  const Tensor& values() const { return is_rows() ? rows.values : dense; }
  void add(const Gradient& other);
  void scale(double factor);
};

class Gradients {
 public:
  // The gradient of a parameter or of a watched Var; throws when it has none.
  Tensor operator[](const Param& param) const;
  Tensor operator[](const Var& leaf) const;
  bool has(const Param& param) const { return find(param.id()) != nullptr; }
  bool has(const Var& leaf) const;

  Gradients& operator+=(const Gradients& other);
  Gradients& operator*=(double factor);

  // By id of the parameter (ParamState::id) or leaf; nullptr where there is none.
  const Gradient* find(std::uint64_t id) const;
  std::map<std::uint64_t, Gradient>& entries() { return entries_; }
  const std::map<std::uint64_t, Gradient>& entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }

 private:
  std::map<std::uint64_t, Gradient> entries_;
};

namespace detail {
std::uint64_t next_leaf_id();  // one sequence for parameters and watched values; never 0
}

}  // namespace unroll
