// Gradients: the value that backward returns. Add them (`a += b`) to accumulate over batches,
// chunks or threads.
#pragma once

#include <unroll/autograd/param.h>
#include <unroll/tensor/index_tensor.h>

#include <map>

namespace unroll {

class Var;

// The gradient of an embedding table, stored as the rows that were used.
struct RowGradient {
  IndexTensor rows;  // [K] ascending, each once
  Tensor values;     // [K, D]
  Shape shape;       // of the whole table, [V, D]

  Tensor dense() const;  // [V, D]
  // The sum of gradients of a table of the given shape. Gradient i is values[i] [.., D] added at
  // rows ids[i] [..], and zero elsewhere.
  static RowGradient sum(std::span<const IndexTensor> ids, std::span<const Tensor> values,
                         const Shape& table);
};

// One gradient: dense, or rows of a table. Adding a dense one to rows gives a dense one.
struct Gradient {
  Tensor dense;
  RowGradient rows;
  std::shared_ptr<const ParamState> param;  // the parameter it belongs to; null for a watched value

  bool is_rows() const { return !dense.defined(); }
  Tensor to_dense() const { return is_rows() ? rows.dense() : dense; }
  const Shape& shape() const { return is_rows() ? rows.shape : dense.shape(); }
  // The stored elements: the dense gradient, or the used rows.
  Tensor& values() { return is_rows() ? rows.values : dense; }
  const Tensor& values() const { return is_rows() ? rows.values : dense; }
  void add(const Gradient& other);
  void scale(double factor);
};

class Gradients {
 public:
  // The gradient of a parameter or of a watched Var. Throws std::invalid_argument if there is none.
  Tensor operator[](const Param& param) const;
  Tensor operator[](const Var& leaf) const;
  bool has(const Param& param) const { return find(param.id()) != nullptr; }
  bool has(const Var& leaf) const;

  // Adds gradients; a parameter in only one of the two keeps its gradient.
  Gradients& operator+=(const Gradients& other);
  Gradients& operator*=(double factor);

  // By ParamState::id() or Var::leaf_id(); nullptr if there is none.
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
