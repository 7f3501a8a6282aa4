#include <unroll/autograd/engine.h>
#include <unroll/autograd/ops.h>
#include <unroll/tensor/indexing.h>
#include <unroll/tensor/kernels/tuning.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/matmul.h>
#include <unroll/tensor/reduce.h>

#include <fmt/format.h>

#include <algorithm>

namespace unroll {
namespace {

Tensor joined(const std::vector<Tensor>& parts) {
  return parts.size() == 1 ? parts.front() : concat(parts, 0);
}

}  // namespace

void Engine::check_shape(std::uint32_t slot, const Shape& shape, DType dtype) const {
  if (!s_.has_shape(slot, shape) || s_.dtype_of(slot) != dtype) [[unlikely]]
    fail(
        "{}: a gradient of the input's shape {} and type {} was required of the derivative: got "
        "{} of {}",
        name(), s_.shape_of(slot), name_of(s_.dtype_of(slot)), shape, name_of(dtype));
}

void Engine::check_finite(std::uint32_t slot, const Tensor& g) const {
  if (detecting_anomaly() && entry_ && !all_finite(g)) [[unlikely]]
    fail_io(
        "anomaly: {} made the first NaN or infinity going backward: gradient {} of input {}, at {}",
        name(), g.shape(), s_.shape_of(slot), s_.place_of(entry_index_));
}

void Engine::refuse_later(std::uint32_t slot) const {
  fail(
      "{}: gradients of values from before it were required of the derivative: got one of a value "
      "{} that was recorded later",
      name(), slot < s_.slots.size() ? s_.shape_of(slot).str() : "");
}

Var Engine::settled(const Var& g) const {
  if (!detail::rewritten(g.value(), began_, oldest_)) return g;
  return Tape::State::moved_to(g, g.value().clone());
}

void Engine::add(std::uint32_t slot, Var g) {
  check_defined(name(), g);
  check_shape(slot, g.shape(), g.dtype());
  check_finite(slot, g.value());
  if (detail::written(g.value())) [[unlikely]] {
    detail::require_saved(g.value());
    if (detail::rewritten(g.value(), began_, oldest_)) g = settled(g);
  }
  note(slot, g.value());
  Pending& p = at(slot);
  if (!p.dense.defined()) {
    p.dense = std::move(g);
    return;
  }
  const detail::ReadsSaved other_entries(nullptr);  // the pending gradient belongs to other entries
  if (recording()) {
    p.dense = p.dense + g;
  } else {
    Tensor sum = p.dense.value();
    p.dense = Var();
    if (sum.is_unique() && sum.is_contiguous()) {
      add_into(sum, g.value());
    } else {
      sum = unroll::add(sum, g.value());
    }
    p.dense = Var(std::move(sum));
  }
}

void Engine::add_product(std::uint32_t slot, const Var& a, const Var& g) {
  check_defined(name(), a), check_defined(name(), g);
  check(a.rank() == 2 && g.rank() == 2 && a.shape()[0] == g.shape()[0],
        "{}: factors [R, K] and [R, N] were required of add_product: got {} and {}", name(),
        a.shape(), g.shape());
  check_same_dtype(name(), a.value(), g.value());
  check_shape(slot, {a.shape()[1], g.shape()[1]}, g.dtype());
  if (recording() || detecting_anomaly()) return add(slot, matmul(transpose(a), g));
  note(slot, g.value());
  detail::require_saved(a.value()), detail::require_saved(g.value());
  Pending& p = at(slot);
  Pending::Waiting& w = p.wait();
  w.left.push_back(a.value());
  w.right.push_back(g.value());
  w.product_rows += a.shape()[0];
  if (w.product_rows >= tuning::kFullSpeedRows) flush_products(p);
}

void Engine::flush_products(Pending& p) {
  const detail::ReadsSaved other_entries(nullptr);  // checked when they were added
  Pending::Waiting& w = *p.waiting;
  if (w.left.empty()) return;
  Tensor sum = p.dense.value();
  p.dense = Var();
  const auto add_one = [&](const Tensor& a, const Tensor& g) {
    if (!sum.defined()) {
      sum = unroll::matmul(a.transpose(), g);
    } else if (sum.is_unique() && sum.is_contiguous()) {
      matmul_into(sum, a.transpose(), g);
    } else {
      sum = unroll::add(sum, unroll::matmul(a.transpose(), g));
    }
  };
  // Large products are not copied for joining: each is multiplied on its own.
  std::vector<Tensor> left, right;
  for (std::size_t i = 0; i < w.left.size(); ++i) {
    if (w.left[i].shape()[0] >= tuning::kFullSpeedRows / 8) {
      add_one(w.left[i], w.right[i]);
    } else {
      left.push_back(w.left[i]), right.push_back(w.right[i]);
    }
  }
  w.left.clear(), w.right.clear(), w.product_rows = 0;
  if (!left.empty()) add_one(joined(left), joined(right));
  p.dense = Var(std::move(sum));
}

void Engine::add_rows(std::uint32_t slot, const IndexTensor& ids, const Var& g,
                      const Shape& table) {
  check_defined(name(), g);
  check_shape(slot, table, g.dtype());
  check(table.rank() >= 1 && g.rank() >= 1 && g.shape()[0] == ids.numel() &&
            g.shape().without(0) == table.without(0),
        "{}: a row of the table {} for each of {} ids was required of add_rows: got {}", name(),
        table, ids.numel(), g.shape());
  ids.check_range(name(), table[0]);
  if (recording() || !(slot & kLeaf)) return add(slot, scatter_rows(g, ids, table[0]));
  check_finite(slot, g.value());
  note(slot, g.value());
  detail::require_saved(g.value());
  Pending::Waiting& w = at(slot).wait();
  w.ids.push_back(ids);
  w.rows.push_back(g.value());
  w.table = table;
}

void Engine::add_narrow(std::uint32_t slot, int axis, Index start, const Var& g,
                        const Shape& shape) {
  check_defined(name(), g);
  check_shape(slot, shape, g.dtype());
  check_finite(slot, g.value());
  note(slot, g.value());
  detail::require_saved(g.value());
  const detail::ReadsSaved other_entries(nullptr);  // the pending gradient belongs to other entries
  if (recording()) {
    const Index after = shape[axis] - start - g.shape()[axis];
    return add(slot, pad(g, axis, start, after));
  }
  Pending& p = at(slot);
  Tensor sum = p.dense.value();
  p.dense = Var();
  if (!sum.defined()) {
    sum = Tensor::zeros(shape, g.dtype());
  } else if (!sum.is_unique() || !sum.is_contiguous()) {
    sum = sum.clone();
  }
  {
    Tensor range = sum.narrow(axis, start, g.shape()[axis]);
    add_into(range, g.value());
  }
  p.dense = Var(std::move(sum));
}

Var Engine::take(std::uint32_t slot) {
  Pending& p = at(slot);
  if (p.waiting) flush_products(p);  // pending rows exist only at leaves, and leaves are not taken
  Var g = std::move(p.dense);
  if (g.defined() && !s_.hooks.empty()) call_hooks(slot, g);
  return g;
}

void Engine::call_hooks(std::uint32_t slot, Var& g) {
  const auto found = s_.hooks.find(slot);
  if (found == s_.hooks.end()) return;
  const auto hooks = found->second;  // a hook may add hooks
  for (const auto& hook : hooks) {
    const Tensor changed = hook(g.value());
    if (!changed.defined()) continue;
    check(!recording(),
          "hook: a hook that returns nothing was required, since the gradient is itself recorded "
          "(create_graph) and a new one would be a constant there: got one of shape {}",
          changed.shape());
    check(changed.shape() == g.shape() && changed.dtype() == g.dtype(),
          "hook: a gradient of shape {} and type {} was required: got {} of {}", g.shape(),
          name_of(g.dtype()), changed.shape(), name_of(changed.dtype()));
    if (detecting_anomaly() && !all_finite(changed) && all_finite(g.value())) [[unlikely]]
      fail_io("anomaly: a hook made the first NaN or infinity going backward: gradient {}",
              changed.shape());
    g = settled(Var(changed));
  }
}

void Engine::run(std::size_t end_entry) {
  const detail::ReadsSaved between_entries(nullptr);
  std::vector<Var> gradients;
  std::vector<std::uint32_t> inputs;
  for (std::size_t e = end_entry; e-- > first_entry_;) {
    // A copy, because a derivative that records may reallocate the vectors of the tape.
    const Tape::Entry entry = s_.entries[e];
    gradients.clear();
    bool any = false;
    for (std::uint32_t k = 0; k < entry.outputs; ++k) {
      const std::uint32_t slot = entry.first_output + k;
      gradients.push_back(take(slot));
      any = any || gradients.back().defined();
      if (wanted_.empty()) continue;
      for (auto& [wanted, value] : wanted_)
        if (wanted == slot) value = gradients.back();
    }
    if (!any) continue;
    if (!entry.calls) [[unlikely]]
      fail(
          "backward: an entry can be used once unless it is retained: {} (recorded at {}) has been "
          "used already; pass {{.retain = true}} the first time",
          entry.op->name(), place(entry.where));
    if (entry.op->once() && recording()) [[unlikely]]
      fail(
          "{}: an op that can be differentiated twice was required, since the gradient is itself "
          "recorded (create_graph): this one (recorded at {}) can be differentiated once",
          entry.op->name(), place(entry.where));
    const std::uint32_t* from = s_.inputs.data() + entry.first_input;
    inputs.clear();
    for (std::uint32_t k = 0; k < entry.inputs; ++k) inputs.push_back(from[k]);
    Cotangents out;
    out.engine_ = this;
    out.inputs_ = inputs.data();
    out.count_ = static_cast<int>(entry.inputs);
    out.first_output_ = entry.first_output;
    entry_ = &entry, entry_index_ = e;
    if (flow_ && !parent_) [[unlikely]]
      for (const Var& g : gradients)
        if (g.defined()) flow_->arrived(e, g.value());
    end_slot_ = entry.first_output;
    const detail::Recorded recorded{entry.recorded, entry.op->name(), entry.where.file,
                                    entry.where.line};
    detail::reads_as_recorded = &recorded;
    entry.calls->run(entry.closure, gradients, out);
    detail::reads_as_recorded = nullptr;
    entry_ = nullptr;
    if (!retain_) s_.entries[e].free();
  }
}

Var Engine::result(std::uint32_t slot) {
  if (!(slot & kLeaf)) {
    for (auto& [wanted, value] : wanted_)
      if (wanted == slot) return value;
    return {};
  }
  Pending& p = at(slot);
  if (p.waiting) {
    flush_products(p);
    Pending::Waiting& w = *p.waiting;
    for (std::size_t i = 0; i < w.ids.size(); ++i)
      add(slot, scatter_rows(w.rows[i], w.ids[i], w.table[0]));
    w.ids.clear(), w.rows.clear();
  }
  Var g = p.dense;
  if (g.defined()) call_hooks(slot, g);
  return g;
}

Gradients Engine::collect() {
  Gradients out;
  for (std::size_t i = 0; i < leaves_.size(); ++i) {
    Pending& p = leaves_[i];
    const auto slot = static_cast<std::uint32_t>(i) | kLeaf;
    Gradient g;
    if (p.waiting) {
      flush_products(p);
      if (!p.waiting->ids.empty())
        g.rows = RowGradient::sum(p.waiting->ids, p.waiting->rows, p.waiting->table);
    }
    if (p.dense.defined()) g.add({p.dense.value(), {}, nullptr});
    p = Pending();
    if (!g.dense.defined() && !g.rows.values.defined()) continue;
    if (s_.hooks.count(slot)) {
      Var dense(g.to_dense());
      call_hooks(slot, dense);
      g = {dense.value(), {}, nullptr};
    }
    g.param = s_.leaves[i].param;
    out.entries().emplace(s_.leaves[i].id, std::move(g));
  }
  return out;
}

void Engine::add_through(const std::function<std::vector<Var>(const std::vector<Var>&)>& f,
                         const std::vector<Var>& inputs, std::span<const Var> gradients) {
  const Tape::State::Mark mark = s_.mark();
  const bool keep = recording();  // true if the gradient itself is recorded
  const LiftNoGrad lift;
  const Recording restore(s_, true);
  const std::vector<Var> outputs = f(inputs);
  check(outputs.size() == gradients.size(),
        "add_through: a function with {} results was required: got {}", gradients.size(),
        outputs.size());
  // The end of what f recorded. If the gradient is recorded too, summing gradients may record
  // further entries, which do not belong to f.
  const std::size_t end = s_.entries.size();
  {
    const Recording as_before(s_, keep);
    Engine inner(s_, this, mark, keep);
    for (std::size_t k = 0; k < outputs.size(); ++k) {
      const std::uint32_t slot = s_.slot_of(outputs[k], "add_through");
      if (slot != kNoSlot && gradients[k].defined()) inner.add(slot, gradients[k]);
    }
    inner.run(end);
  }
  if (!keep) s_.truncate(mark);
}

// --- Cotangents ---

void Cotangents::refuse_input(int i) const {
  fail("{}: an input below {} was required of the derivative: got {}", engine_->name(), count_, i);
}
void Cotangents::add(int i, const Var& g) {
  if (needs(i)) engine_->add(inputs_[i], g);
}
void Cotangents::add(int i, Var&& g) {
  if (needs(i)) engine_->add(inputs_[i], std::move(g));
}
void Cotangents::add_product(int i, const Var& a, const Var& g) {
  if (needs(i)) engine_->add_product(inputs_[i], a, g);
}
void Cotangents::add_rows(int i, const IndexTensor& ids, const Var& g, const Shape& table) {
  if (needs(i)) engine_->add_rows(inputs_[i], ids, g, table);
}
void Cotangents::add_narrow(int i, int axis, Index start, const Var& g, const Shape& shape) {
  if (needs(i)) engine_->add_narrow(inputs_[i], axis, start, g, shape);
}
Var Cotangents::output(const Tensor& value, int k) const {
  return engine_->output(value, first_output_ + static_cast<std::uint32_t>(k));
}
void Cotangents::add_through(const std::function<std::vector<Var>(const std::vector<Var>&)>& f,
                             const std::vector<Var>& inputs, std::span<const Var> gradients) {
  engine_->add_through(f, inputs, gradients);
}

}  // namespace unroll
