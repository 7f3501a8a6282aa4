#include <unroll/autograd/tape_state.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/reduce.h>
#include <unroll/tensor/saved.h>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>

namespace unroll {
namespace {

std::atomic<std::uint64_t> g_next_serial{1};
thread_local Tape* t_current = nullptr;
thread_local bool t_anomaly = false;
thread_local int t_no_grad = 0;
thread_local Where t_caller;
thread_local ParamUses::Entered* t_uses = nullptr;

// A finished tape leaves its vectors to the next tape of this thread, until release_cached().
thread_local std::unique_ptr<void, void (*)(void*)> t_spare{nullptr, nullptr};
[[maybe_unused]] const bool g_spare_is_released = memory::on_release([] { t_spare.reset(); });

}  // namespace

std::string place(Where where, Where caller) {
  std::string own =
      where.file ? fmt::format("{}:{}", where.file, where.line) : std::string("unknown");
  if (!caller.file || (where.file == std::string(caller.file) && where.line == caller.line))
    return own;
  return fmt::format("{}:{} (within {})", caller.file, caller.line, own);
}

void Tape::State::refuse_other_tape(const Var& v, const char* op) {
  fail(
      "{}: a value of the recording tape was required: got one (shape {}) recorded on "
      "another tape, or on one that has ended; detach() gives its value as a constant",
      op, v.shape());
}

Tape::Tape() {
  if (t_spare) {
    state_.reset(static_cast<State*>(t_spare.release()));
  } else {
    state_ = std::make_unique<State>();
  }
  state_->arena.begin();
  state_->serial = g_next_serial.fetch_add(1, std::memory_order_relaxed);
  state_->previous = t_current;
  t_current = this;
}

Tape::~Tape() {
  // Tapes are normally scopes, so the innermost ends first; one kept on the heap may not.
  Tape** link = &t_current;
  while (*link && *link != this) link = &(*link)->state_->previous;
  if (*link) *link = state_->previous;
  state_->clear();
  if (!t_spare)
    t_spare = {state_.release(), [](void* state) { delete static_cast<State*>(state); }};
}

Tape* Tape::current() { return t_current; }

bool recording() { return t_current && t_no_grad == 0 && t_current->state_->recording; }

Where& Caller::current() { return t_caller; }

NoGrad::NoGrad() { ++t_no_grad; }
NoGrad::~NoGrad() { --t_no_grad; }
LiftNoGrad::LiftNoGrad() : before_(std::exchange(t_no_grad, 0)) {}
LiftNoGrad::~LiftNoGrad() { t_no_grad = before_; }

ParamUses::Entered::Entered(ParamUses& uses, bool replay)
    : uses_(uses), replay_(replay), outer_(std::exchange(t_uses, this)) {}
ParamUses::Entered::~Entered() { t_uses = outer_; }

bool plain() { return t_uses == nullptr && !t_anomaly && !recording(); }

Tensor ParamUses::value_of(const Param& param) {
  Tensor value = param.value();
  // Look for the innermost replaying scope that has the value; noting scopes may be anywhere.
  for (const Entered* at = t_uses; at; at = at->outer_) {
    if (!at->replay_) continue;
    const auto found = at->uses_.values_.find(param.id());
    if (found == at->uses_.values_.end()) continue;
    value = found->second;
    break;
  }
  for (const Entered* at = t_uses; at; at = at->outer_)
    if (!at->replay_) at->uses_.values_.try_emplace(param.id(), value);
  return value;
}

DetectAnomaly::DetectAnomaly() : before_(std::exchange(t_anomaly, true)) {}
DetectAnomaly::~DetectAnomaly() { t_anomaly = before_; }
bool detecting_anomaly() { return t_anomaly; }

static std::vector<const Op*>& op_list() {
  static std::vector<const Op*> ops;
  return ops;
}

Op::Op(const char* name, const OpTraits& traits) : name_(name), traits_(traits) {
  static std::mutex mutex;  // function-local static ops may be made by several threads
  const std::lock_guard lock(mutex);
  op_list().push_back(this);
}
const std::vector<const Op*>& Op::all() { return op_list(); }

// --- values ---

Var::Var(const Param& param) {
  if (!param.defined()) return;
  value_ = t_uses ? ParamUses::value_of(param) : param.value();
  if (!recording() || !param.trainable()) return;
  Tape::State& s = *t_current->state_;
  tape_ = s.serial;
  slot_ = s.leaf_for(param.handle());
  leaf_ = param.id();
}

void Var::hook(std::function<Tensor(const Tensor&)> f) const {
  check_defined("hook", *this);
  check(f != nullptr, "hook: a function was required: got an empty one");
  check(t_current && tape_ != 0,
        "hook: a value on the recording tape was required: got a constant (shape {})", shape());
  Tape::State& s = *t_current->state_;
  s.hooks[s.slot_of(*this, "hook")].push_back(std::move(f));
}

Var Tape::watch(const Tensor& value) {
  check_defined("watch", value);
  const std::uint64_t id = detail::next_leaf_id();
  return Var(value, state_->serial, state_->add_leaf(id, value), id);
}

// --- recording ---

bool has_nan(const Tensor& x) { return x.numel() > 0 && min(equal(x, x)).item() == 0; }

// Describes an input in an error message.
std::string Tape::State::described(const State* s, const Var& v) {
  std::string what = v.requires_grad() ? "a value on the tape" : "a constant";
  if (v.leaf_id() != 0 && s) {
    const auto& param = s->leaves[v.slot_ & ~kLeaf].param;
    what = param ? "a parameter" : "a Var from Tape::watch";
    if (param && !param->name().empty()) what = fmt::format("the parameter \"{}\"", param->name());
  }
  return fmt::format("{} of shape {}", what, v.shape());
}

// Throws if an output has a NaN or infinity that the op itself made, or a NaN that came from an
// input.
void Tape::State::check_forward(const State* s, const Op& op, std::span<const Tensor> outputs,
                                std::span<const Var* const> inputs, Where where) {
  const std::string at = place(where, t_caller);
  const bool healthy = std::all_of(inputs.begin(), inputs.end(), [](const Var* v) {
    return !v->defined() || all_finite(v->value());
  });
  for (const Tensor& out : outputs) {
    if (all_finite(out)) continue;
    const bool nan = has_nan(out);
    for (std::size_t i = 0; nan && i < inputs.size(); ++i)
      if (inputs[i]->defined() && has_nan(inputs[i]->value()))
        fail_io("anomaly: input {} of {} already held NaN: {}, at {}", i, op.name(),
                described(s, *inputs[i]), at);
    if (!nan && (!healthy || op.fills())) continue;
    std::string shapes;
    for (const Var* v : inputs)
      shapes += fmt::format("{}{}", shapes.empty() ? "" : ", ", v->shape());
    fail_io("anomaly: {} made the first NaN or infinity going forward: inputs {}, output {}, at {}",
            op.name(), shapes, out.shape(), at);
  }
}

void* Recorder::begin(const Op& op, std::span<const Tensor> outputs,
                      std::span<const Var* const> inputs, Where where, std::size_t bytes,
                      bool always) {
  Tape::State* s = t_current ? t_current->state_.get() : nullptr;
  for (const Tensor& out : outputs) check_defined(op.name(), out);
  bool wanted = always;
  for (const Var* v : inputs) {
    if (v->tape_ == 0) continue;
    if (!s || v->tape_ != s->serial) [[unlikely]]
      Tape::State::refuse_other_tape(*v, op.name());
    wanted = true;
  }
  if (t_anomaly) [[unlikely]]
    Tape::State::check_forward(s, op, outputs, inputs, where);
  if (!wanted || !s || t_no_grad != 0 || !s->recording) return nullptr;
  Tape::Entry& entry = s->entries.emplace_back();
  entry.op = &op;
  entry.where = where;
  entry.recorded = detail::write_time();
  entry.first_input = static_cast<std::uint32_t>(s->inputs.size());
  entry.inputs = static_cast<std::uint32_t>(inputs.size());
  entry.first_output = static_cast<std::uint32_t>(s->slots.size());
  entry.closure = s->arena.take(bytes);
  if (t_anomaly) [[unlikely]] {
    s->callers.resize(s->entries.size());
    s->callers.back() = t_caller;
  }
  for (const Var* v : inputs) s->inputs.push_back(v->tape_ ? v->slot_ : kNoSlot);
  for (const Tensor& out : outputs) {
    s->slots.push_back({static_cast<std::uint32_t>(s->dims.size()),
                        static_cast<std::uint8_t>(out.rank()), out.dtype(),
                        static_cast<std::uint32_t>(s->entries.size() - 1)});
    for (Index size : out.shape()) s->dims.push_back(size);  // few: insert takes longer
  }
  entry.outputs = static_cast<std::uint32_t>(outputs.size());  // 0 before: memory may run out
  return entry.closure;
}

void Recorder::finish(const Calls& calls, std::span<Tensor> outputs, std::span<Var> vars) {
  Tape::State& s = *t_current->state_;
  Tape::Entry& entry = s.entries.back();
  entry.calls = &calls;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    vars[i] = Tape::State::var(std::move(outputs[i]), s.serial,
                               entry.first_output + static_cast<std::uint32_t>(i));
}

// --- inspection ---

Index Tape::size() const { return static_cast<Index>(state_->entries.size()); }

namespace {
std::string slot_name(std::uint32_t slot) {
  if (slot == kNoSlot) return "constant";
  return (slot & kLeaf) ? fmt::format("leaf{}", slot & ~kLeaf) : fmt::format("%{}", slot);
}
}  // namespace

std::string Tape::dump() const {
  const State& s = *state_;
  std::string text;
  for (std::size_t i = 0; i < s.leaves.size(); ++i)
    text += fmt::format("leaf{} {} {}\n", i, name_of(s.leaves[i].dtype), s.leaves[i].shape);
  for (const Entry& e : s.entries) {
    std::string outputs, inputs;
    for (std::uint32_t k = 0; k < e.outputs; ++k) {
      const std::uint32_t slot = e.first_output + k;
      outputs += fmt::format("{}{} {} {}", k ? ", " : "", slot_name(slot),
                             name_of(s.slots[slot].dtype), s.shape_of(slot));
    }
    for (std::uint32_t k = 0; k < e.inputs; ++k)
      inputs += (k ? ", " : "") + slot_name(s.inputs[e.first_input + k]);
    text += fmt::format("{} = {}({})  # {}{}\n", outputs, e.op->name(), inputs, place(e.where),
                        e.calls ? "" : ", used");
  }
  return text;
}

std::string Tape::dump_dot() const {
  const State& s = *state_;
  std::string text = "digraph tape {\n  rankdir=BT;\n  node [shape=box, fontname=monospace];\n";
  for (std::size_t i = 0; i < s.leaves.size(); ++i)
    text +=
        fmt::format("  leaf{} [label=\"leaf{}\\n{}\", style=filled];\n", i, i, s.leaves[i].shape);
  const auto node = [&](std::uint32_t slot) {
    return (slot & kLeaf) ? slot_name(slot) : fmt::format("e{}", s.slots[slot].entry);
  };
  for (std::size_t i = 0; i < s.entries.size(); ++i) {
    const Entry& e = s.entries[i];
    std::string shapes;
    for (std::uint32_t k = 0; k < e.outputs; ++k)
      shapes += (k ? " " : "") + s.shape_of(e.first_output + k).str();
    text += fmt::format("  e{} [label=\"{}\\n{}\"];\n", i, e.op->name(), shapes);
    for (std::uint32_t k = 0; k < e.inputs; ++k) {
      const std::uint32_t slot = s.inputs[e.first_input + k];
      if (slot != kNoSlot) text += fmt::format("  {} -> e{};\n", node(slot), i);
    }
  }
  return text + "}\n";
}

}  // namespace unroll
