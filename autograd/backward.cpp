// What starts a backward: Tape::backward and grad.
#include <unroll/autograd/engine.h>

namespace unroll {

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
        "backward: the recording tape was required: another tape began on this thread after "
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
