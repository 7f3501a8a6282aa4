// backward: a loop over the tape's entries, from the last to the first.
#include <unroll/autograd/ops.h>
#include <unroll/autograd/tape_state.h>
#include <unroll/tensor/indexing.h>
#include <unroll/tensor/kernels/denormals.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/matmul.h>
#include <unroll/tensor/reduce.h>
#include <unroll/tensor/saved.h>

#include <fmt/format.h>

#include <algorithm>

namespace unroll {
namespace {

// The gradient of one value, accumulated so far. Tall-skinny products and table rows are collected
// and only summed when the sum is needed.
struct Pending {
  struct Waiting {
    std::vector<Tensor> left, right;  // gradient += sum of left_i^T right_i
    Index product_rows = 0;
    std::vector<IndexTensor> ids;  // gradient[ids_i] += rows_i
    std::vector<Tensor> rows;
    Shape table;
  };

  Var dense;
  std::unique_ptr<Waiting> waiting;

  Waiting& wait() {
    if (!waiting) waiting = std::make_unique<Waiting>();
    return *waiting;
  }
};

// A product of this many rows runs at full GEMM speed; collecting more would only cost memory.
constexpr Index kFatProduct = 2048;

Tensor joined(const std::vector<Tensor>& parts) {
  return parts.size() == 1 ? parts.front() : concat(parts, 0);
}

}  // namespace

// One engine per backward, and a nested one per Cotangents::add_through. A nested engine passes
// gradients of values recorded before its own range to its parent.
class Engine {
 public:
  // Sets whether the tape records, for the lifetime of the object.
  class Recording {
   public:
    Recording(Tape::State& s, bool on) : s_(s), before_(std::exchange(s.recording, on)) {}
    ~Recording() { s_.recording = before_; }
    Recording(const Recording&) = delete;

   private:
    Tape::State& s_;
    bool before_;
  };

  // Marks one backward over a tape as running. A hook or a derivative may start another one, which
  // must not free the entries that this one still needs.
  class Running {
   public:
    Running(Tape::State& s, const char* op, bool retain, bool record)
        : s_(s), recording_(s, record) {
      check(s.running == 0 || retain,
            "{}: {{.retain = true}} was required inside of a hook or a derivative of the same tape",
            op);
      ++s.running;
    }
    ~Running() { --s_.running; }
    Running(const Running&) = delete;

   private:
    Tape::State& s_;
    Recording recording_;
    kernels::FlushDenormals flush_;      // once per backward instead of once per op
    detail::ReadsSaved reads_{nullptr};  // restored, also when a derivative throws
  };

  Engine(Tape::State& s, Engine* parent, const Tape::State::Mark& from, bool retain)
      : s_(s),
        parent_(parent),
        first_slot_(static_cast<std::uint32_t>(from.slots)),
        end_slot_(static_cast<std::uint32_t>(s.slots.size())),
        first_entry_(from.entries),
        began_(detail::next_write_time()),
        oldest_(from.entries < s.entries.size() ? s.entries[from.entries].recorded : began_),
        retain_(retain),
        flow_(parent ? parent->flow_ : GradientFlow::of(s)) {
    pending_.resize(s.slots.size() - from.slots);
  }

  void want(std::uint32_t slot) { wanted_.emplace_back(slot, Var()); }
  void run(std::size_t end_entry);
  Gradients collect();
  Var result(std::uint32_t slot);

  void add(std::uint32_t slot, Var g);
  void add_product(std::uint32_t slot, const Var& a, const Var& g);
  void add_rows(std::uint32_t slot, const IndexTensor& ids, const Var& g, const Shape& table);
  void add_narrow(std::uint32_t slot, int axis, Index start, const Var& g, const Shape& shape);
  void add_through(const std::function<std::vector<Var>(const std::vector<Var>&)>& f,
                   const std::vector<Var>& inputs, std::span<const Var> gradients);
  const char* name() const { return entry_ ? entry_->op->name() : "backward"; }
  Var output(const Tensor& value, std::uint32_t slot) const {
    return Tape::State::var(value, s_.serial, slot);
  }

 private:
  Pending& at(std::uint32_t slot) {
    if (slot & kLeaf) {
      if (parent_) return parent_->at(slot);
      if (leaves_.size() < s_.leaves.size()) leaves_.resize(s_.leaves.size());
      return leaves_[slot & ~kLeaf];
    }
    if (slot >= end_slot_) [[unlikely]]
      refuse_later(slot);
    return slot < first_slot_ ? parent_->at(slot) : pending_[slot - first_slot_];
  }
  [[noreturn]] void refuse_later(std::uint32_t slot) const;
  Var take(std::uint32_t slot);
  void flush_products(Pending& p);
  void call_hooks(std::uint32_t slot, Var& g);
  // Returns g, or a copy of it if its tensor was created before this backward and written to since
  // (possible for a seed or a hook's buffer). Without the copy, readers would report g as a saved
  // value modified in place.
  Var settled(const Var& g) const;
  // Check that a derivative returned the input's shape and dtype, and (with DetectAnomaly) no NaN
  // or infinity.
  void check_shape(std::uint32_t slot, const Shape& shape, DType dtype) const;
  void check_finite(std::uint32_t slot, const Tensor& g) const;
  // Tells gradcheck, if it is active, that the running derivative added g to a slot. Gradients
  // inside a reference function run by add_through are not reported: they are not entries of the
  // tape.
  void note(std::uint32_t slot, const Tensor& g) const {
    if (!flow_) [[likely]]
      return;
    if (parent_) {
      if ((slot & kLeaf) || slot < first_slot_) parent_->note(slot, g);
    } else if (entry_) {
      flow_->gave(entry_index_, slot, g);
    }
  }

  Tape::State& s_;
  Engine* parent_;
  // Slots that may get a gradient now: those recorded before the entry whose derivative is running.
  std::uint32_t first_slot_, end_slot_;
  std::size_t first_entry_;
  std::uint64_t began_, oldest_;  // time this backward began; time its first entry was recorded
  bool retain_;
  GradientFlow* flow_;
  const Tape::Entry* entry_ = nullptr;  // the entry whose derivative is running
  std::size_t entry_index_ = 0;
  std::vector<Pending> pending_, leaves_;
  std::vector<std::pair<std::uint32_t, Var>> wanted_;
};

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
  detail::require_saved(g.value());
  if (detail::rewritten(g.value(), began_, oldest_)) [[unlikely]]
    g = settled(g);
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
  if (w.product_rows >= kFatProduct) flush_products(p);
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
    if (w.left[i].shape()[0] >= kFatProduct / 8) {
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
          "hook: a hook that only looks was required, since the gradient is itself recorded "
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
    if (!entry.call) [[unlikely]]
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
    inputs.assign(from, from + entry.inputs);
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
    entry.call(entry.closure, gradients, out);
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

// --- public functions ---

namespace {

// The gradient that backward starts from.
Var seed_for(const char* op, const Var& y, const Var& seed) {
  if (!seed.defined()) {
    check(y.numel() == 1,
          "{}: a loss with one element was required (or a seed of its shape): got the shape {}", op,
          y.shape());
    return Var(Tensor::ones(y.shape(), y.dtype()));
  }
  check(seed.shape() == y.shape() && seed.dtype() == y.dtype(),
        "{}: a seed of shape {} and type {} was required: got {} of {}", op, y.shape(),
        name_of(y.dtype()), seed.shape(), name_of(seed.dtype()));
  if (detecting_anomaly() && has_nan(seed.value())) [[unlikely]]
    fail_io("anomaly: the seed of {} already held NaN: shape {}", op, seed.shape());
  return seed;
}

void require_on_tape(const char* op, const Var& y) {
  check_defined(op, y);
  check(y.requires_grad(),
        "{}: a value that depends on a Param or a watched Var was required: got a constant (shape "
        "{}); "
        "was the model called while a Tape was alive?",
        op, y.shape());
}

}  // namespace

Gradients Tape::backward(const Var& loss, const BackwardOptions& options) {
  require_on_tape("backward", loss);
  check(Tape::current() == this,
        "backward: the tape that records now was required: another tape began on this thread after "
        "it, or it lives on another thread");
  const std::uint32_t slot = state_->slot_of(loss, "backward");
  const Var seed = seed_for("backward", loss, options.seed.defined() ? Var(options.seed) : Var());
  const Engine::Running under_way(*state_, "backward", options.retain, false);
  Engine engine(*state_, nullptr, {}, options.retain);
  engine.add(slot, seed);
  engine.run((slot & kLeaf) ? 0 : state_->slots[slot].entry + 1);
  return engine.collect();
}

std::vector<Var> grad(const Var& y, const std::vector<Var>& inputs, const GradOptions& options) {
  require_on_tape("grad", y);
  Tape* tape = Tape::current();
  check(tape != nullptr, "grad: a recording tape was required: got none");
  return tape->gradients_of(y, inputs, options);
}

std::vector<Var> Tape::gradients_of(const Var& y, const std::vector<Var>& inputs,
                                    const GradOptions& options) {
  const std::uint32_t slot = state_->slot_of(y, "grad");
  const Var seed = seed_for("grad", y, options.seed);
  std::vector<std::uint32_t> slots;
  for (const Var& v : inputs) {
    require_on_tape("grad", v);
    slots.push_back(state_->slot_of(v, "grad"));
  }
  const bool retain = options.retain || options.create_graph;
  const Engine::Running under_way(*state_, "grad", retain, options.create_graph);
  Engine engine(*state_, nullptr, {}, retain);
  for (std::uint32_t s : slots) engine.want(s);
  engine.add(slot, seed);
  engine.run((slot & kLeaf) ? 0 : state_->slots[slot].entry + 1);
  std::vector<Var> out;
  for (std::uint32_t s : slots) out.push_back(engine.result(s));
  return out;
}

}  // namespace unroll
