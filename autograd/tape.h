// Tape: records what is computed while it lives, and differentiates it in reverse.
//
//   Tape tape;                          // recording starts, on this thread
//   Var loss = model(x);                // every op notes how to go back
//   Gradients g = tape.backward(loss);  // a loop from the last entry to the first
//
// The order of recording is a topological order, so backward needs no recursion. An entry frees
// what it saved as soon as it has been used. What it saved are tensors, not copies: backward
// refuses, naming the op, where one that it needs has been written to in place since. Tapes nest:
// the innermost records, and a Var of another tape is refused (see Var::detach).
#pragma once

#include <unroll/autograd/gradients.h>
#include <unroll/autograd/var.h>

#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace unroll {

// The name under which an op records itself; one object with static storage for each op.
struct OpTraits {
  bool fills = false;  // it may put in the infinity that its caller names, as a mask does
  bool once = false;   // it can be differentiated once: asking for more throws
};
class Op {
 public:
  explicit Op(const char* name, const OpTraits& traits = {});
  const char* name() const { return name_; }
  bool fills() const { return traits_.fills; }
  bool once() const { return traits_.once; }

  // Every op of the program, and which of their derivatives gradcheck has compared (first order: 1,
  // second: 2): those that ran, and whose result reached an input that was checked.
  static const std::vector<const Op*>& all();
  int checked() const { return checked_; }
  void mark_checked(int order) const { checked_ |= order; }

 private:
  const char* name_;
  OpTraits traits_;
  mutable int checked_ = 0;
};

class Engine;  // the loop of backward; private to backward.cpp

// Where a derivative puts its results: the gradient of input i of the op.
class Cotangents {
 public:
  // False when no gradient goes to input i, so that it need not be computed.
  bool needs(int i) const {
    if (static_cast<unsigned>(i) >= static_cast<unsigned>(count_)) [[unlikely]]
      refuse_input(i);
    return inputs_[i] != kNone;
  }
  void add(int i, const Var& gradient);
  void add(int i, Var&& gradient);
  // The gradient of a weight: += a^T g, a [R, K], g [R, N]. Thin products are collected and made
  // one.
  void add_product(int i, const Var& a, const Var& g);
  // The gradient of a table [V, D]: row ids[n] += g[n]. Kept as rows where the table is a leaf.
  void add_rows(int i, const IndexTensor& ids, const Var& g, const Shape& table);
  // The gradient of a range: += g on [start, start + g.size(axis)) of `axis` of an input of the
  // given shape.
  void add_narrow(int i, int axis, Index start, const Var& g, const Shape& shape);
  // The op's own output number k as a Var again; `value` is what the derivative saved of it.
  Var output(const Tensor& value, int k = 0) const;
  // The gradient of the plain function f of these inputs (f records ordinary ops) at the given
  // gradients of its results, added to the inputs' gradients. This is how a fused op is
  // differentiated twice, and how checkpointing recomputes.
  void add_through(const std::function<std::vector<Var>(const std::vector<Var>&)>& f,
                   const std::vector<Var>& inputs, std::span<const Var> gradients);

 private:
  friend class Engine;
  [[noreturn]] void refuse_input(int i) const;
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  Engine* engine_ = nullptr;
  const std::uint32_t* inputs_ = nullptr;
  int count_ = 0;
  std::uint32_t first_output_ = 0;
};

struct BackwardOptions {
  Tensor seed = {};     // the gradient of the loss itself; 1 where not given
  bool retain = false;  // keep the entries for another backward
};

// A tape ends on the thread on which it began.
class Tape {
 public:
  Tape();
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  // A leaf whose gradient is wanted, beside the parameters.
  Var watch(const Tensor& value);
  // Gradients of `loss` (one element, unless a seed is given) with respect to every parameter and
  // watched value it depends on. Denormals count as zero from the first op to the last.
  Gradients backward(const Var& loss, const BackwardOptions& options = {});

  Index size() const;        // entries
  std::string dump() const;  // the recorded graph, one entry a line
  std::string dump_dot() const;

  // The tape that records on this thread, or nullptr.
  static Tape* current();

 private:
  friend std::vector<Var> grad(const Var& y, const std::vector<Var>& inputs,
                               const struct GradOptions& options);
  friend bool recording();
  friend class Engine;
  friend class GradientFlow;
  friend class Var;
  friend struct Recorder;
  struct Entry;
  struct State;
  std::vector<Var> gradients_of(const Var& y, const std::vector<Var>& inputs,
                                const struct GradOptions& options);
  std::unique_ptr<State> state_;
};

struct GradOptions {
  bool create_graph = false;  // record this computation too, to be differentiated again
  bool retain = false;        // keep the entries (implied by create_graph)
  Var seed = {};              // the gradient of y; 1 where not given
};

// Gradients of y with respect to any Vars of the recording tape; undefined Vars where y does not
// depend on one.
std::vector<Var> grad(const Var& y, const std::vector<Var>& inputs,
                      const GradOptions& options = {});

// While it lives, nothing is recorded on this thread, whichever tapes begin or end meanwhile.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
};

// While it lives, the first NaN or infinity that an op makes, forward or backward, on this thread
// throws std::runtime_error with the op, its shapes, and the line that recorded it (where that is
// inside of a loss or a module, the line that called it). A NaN that came with an input is said to
// be that input's. An op that only hands on the infinity of an input, or puts in the one that a
// mask or padding is to have, makes none.
class DetectAnomaly {
 public:
  DetectAnomaly();
  ~DetectAnomaly();
  DetectAnomaly(const DetectAnomaly&) = delete;

 private:
  bool before_;
};

// --- for ops, one's own included ---

// Throws, with the op's name first, unless there is a value.
inline void check_defined(const char* op, const Tensor& x) {
  if (!x.defined()) [[unlikely]]
    fail("{}: a value was required: got an undefined one (default constructed or moved from)", op);
}
inline void check_defined(const char* op, const Var& v) { check_defined(op, v.value()); }

// True while ops are recorded on this thread. Inside a derivative: true when the gradient itself is
// to be differentiated.
bool recording();
// True where nobody takes note of what is computed, no tape, checkpoint or DetectAnomaly, so that a
// shortcut through plain tensors is not noticed.
bool plain();

// What a derivative captures must fit in this many bytes.
inline constexpr std::size_t kLargestClosure = std::size_t{1} << 15;

// How an op enters the tape. `derivative` is called with the gradient of the output (or a span with
// one for each output, undefined where none arrived) and puts the inputs' gradients into the
// Cotangents; what it captures is what the tape saves.
struct Recorder {
  using Call = void (*)(void* closure, std::span<const Var> gradients, Cotangents& out);
  using Destroy = void (*)(void* closure);

  // nullptr when nothing is to be recorded; else space for a closure.
  static void* begin(const Op& op, std::span<const Tensor> outputs,
                     std::span<const Var* const> inputs, Where where, std::size_t bytes,
                     bool always);
  static void finish(Call call, Destroy destroy, std::span<Tensor> outputs, std::span<Var> vars);
};

namespace detail {

template <class F>
void record_into(const Op& op, std::span<Tensor> outputs, std::span<const Var* const> inputs,
                 Where where, F&& derivative, std::span<Var> vars, bool always = false) {
  using Closure = std::decay_t<F>;
  static_assert(alignof(Closure) <= 16);
  static_assert(sizeof(Closure) <= kLargestClosure);
  void* at = Recorder::begin(op, outputs, inputs, where, sizeof(Closure), always);
  if (!at) {
    for (std::size_t i = 0; i < outputs.size(); ++i) vars[i] = Var(std::move(outputs[i]));
    return;
  }
  new (at) Closure(std::forward<F>(derivative));
  Recorder::finish(
      [](void* closure, std::span<const Var> gradients, Cotangents& out) {
        auto& f = *static_cast<Closure*>(closure);
        if constexpr (std::is_invocable_v<Closure&, const Var&, Cotangents&>) {
          f(gradients[0], out);
        } else {
          f(gradients, out);
        }
      },
      [](void* closure) { static_cast<Closure*>(closure)->~Closure(); }, outputs, vars);
}

}  // namespace detail

template <class F>
Var record(const Op& op, Tensor output, std::initializer_list<const In*> inputs, F&& derivative) {
  const Var* pointers[8];
  check(inputs.size() >= 1 && inputs.size() <= std::size(pointers),
        "record: 1 to 8 inputs were required (or a span of them): got {}", inputs.size());
  std::size_t n = 0;
  for (const In* in : inputs) pointers[n++] = &**in;
  Var out;
  detail::record_into(op, {&output, 1}, {pointers, n}, (*inputs.begin())->where(),
                      std::forward<F>(derivative), {&out, 1});
  return out;
}

// The same for any number of inputs and outputs.
template <class F>
std::vector<Var> record(const Op& op, std::vector<Tensor> outputs, std::span<const Var> inputs,
                        Where where, F&& derivative, bool always = false) {
  std::vector<const Var*> pointers;
  for (const Var& v : inputs) pointers.push_back(&v);
  std::vector<Var> out(outputs.size());
  detail::record_into(op, outputs, pointers, where, std::forward<F>(derivative), out, always);
  return out;
}

}  // namespace unroll
