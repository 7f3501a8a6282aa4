#include <unroll/autograd/gradients.h>
#include <unroll/autograd/tape_state.h>
#include <unroll/tensor/indexing.h>
#include <unroll/tensor/math.h>

#include <atomic>

namespace unroll {

std::uint64_t detail::next_leaf_id() {
  static std::atomic<std::uint64_t> next{1};
  return next.fetch_add(1, std::memory_order_relaxed);
}

Tensor RowGradient::dense() const {
  Tensor out = Tensor::zeros(shape, values.dtype());
  add_rows_into(out, rows, values);
  return out;
}

RowGradient RowGradient::sum(std::span<const IndexTensor> ids, std::span<const Tensor> values,
                             const Shape& table) {
  Distinct used = distinct("RowGradient::sum", ids, table[0]);
  RowGradient out;
  out.shape = table;
  out.values = Tensor::zeros({static_cast<Index>(used.ids.size()), table[1]}, values[0].dtype());
  const Index* places = used.places.data();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const Index n = ids[i].numel();
    add_rows_into(out.values, std::vector<Index>(places, places + n),
                  values[i].reshape({n, table[1]}));
    places += n;
  }
  out.rows = IndexTensor(std::move(used.ids));
  return out;
}

void Gradient::add(const Gradient& other) {
  if (!dense.defined() && !rows.values.defined()) {
    *this = other;
  } else if (is_rows() && other.is_rows()) {
    rows = RowGradient::sum(std::array{rows.rows, other.rows.rows},
                            std::array{rows.values, other.rows.values}, rows.shape);
  } else {
    dense = unroll::add(to_dense(), other.to_dense());
    rows = {};
  }
}

void Gradient::scale(double factor) { values() = mul(values(), factor); }

namespace {
Tensor find_dense(const Gradients& gradients, std::uint64_t id, const Shape& shape) {
  const Gradient* found = gradients.find(id);
  check(
      found != nullptr,
      "gradients: a parameter, or a Var from Tape::watch, on which the loss depends was required: "
      "got one without a gradient (shape {})",
      shape);
  return found->to_dense();
}
}  // namespace

Tensor Gradients::operator[](const Param& param) const {
  return find_dense(*this, param.id(), param.shape());
}
Tensor Gradients::operator[](const Var& leaf) const {
  check_defined("gradients", leaf);
  return find_dense(*this, leaf.leaf_id(), leaf.shape());
}
bool Gradients::has(const Var& leaf) const { return find(leaf.leaf_id()) != nullptr; }

const Gradient* Gradients::find(std::uint64_t id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second;
}

Gradients& Gradients::operator+=(const Gradients& other) {
  for (const auto& [id, gradient] : other.entries_) entries_[id].add(gradient);
  return *this;
}

Gradients& Gradients::operator*=(double factor) {
  for (auto& [id, gradient] : entries_) gradient.scale(factor);
  return *this;
}

}  // namespace unroll
