// For authors of ops: what an op is, and how it and its derivative are recorded on a tape.
//
//   const Op cube_op{"cube"};
//   Var cube(const In& x) {
//     return record(cube_op, x.value() * x.value() * x.value(), {&x},
//                   [x = *x](const Var& g, Cotangents& d) { d.add(0, g * 3.0 * square(x)); });
//   }
//
// The derivative is written with Var ops, so that it can be differentiated again. What the lambda
// captures is saved for backward. For an op with a hand-written derivative kernel see fused.h.
#pragma once

#include <unroll/autograd/tape.h>

#include <initializer_list>
#include <type_traits>

namespace unroll {

// The name and properties of an op; each op is one object with static storage duration.
struct OpTraits {
  bool fills = false;  // may output an infinity given by the caller, as a mask does
  bool once = false;   // can be differentiated once only; a second derivative throws
};
class Op {
 public:
  explicit Op(const char* name, const OpTraits& traits = {});
  const char* name() const { return name_; }
  bool fills() const { return traits_.fills; }
  bool once() const { return traits_.once; }

  // All ops of the program, and which of their derivatives gradcheck has compared (bit 1: first
  // order, bit 2: second). An op counts as compared if its derivative ran and its result reached a
  // checked input.
  static const std::vector<const Op*>& all();
  int checked() const { return checked_; }
  void mark_checked(int order) const { checked_ |= order; }

 private:
  const char* name_;
  OpTraits traits_;
  mutable int checked_ = 0;
};

class Engine;  // the backward loop; private to backward.cpp

// Receives the results of a derivative: the gradient of each input i of the op.
class Cotangents {
 public:
  // False if input i needs no gradient, so that the derivative can skip it.
  bool needs(int i) const {
    if (static_cast<unsigned>(i) >= static_cast<unsigned>(count_)) [[unlikely]]
      refuse_input(i);
    return inputs_[i] != kNone;
  }
  void add(int i, const Var& gradient);
  void add(int i, Var&& gradient);
  // The gradient of a weight: += a^T g, a [R, K], g [R, N]. Tall-skinny products are collected and
  // computed as one.
  void add_product(int i, const Var& a, const Var& g);
  // The gradient of a table [V, D]: row ids[n] += g[n]. Stored as rows if the table is a leaf.
  void add_rows(int i, const IndexTensor& ids, const Var& g, const Shape& table);
  // The gradient of a slice: += g on [start, start + g.size(axis)) along `axis` of an input of the
  // given shape.
  void add_narrow(int i, int axis, Index start, const Var& g, const Shape& shape);
  // The op's own output k as a Var; `value` is the output as saved by the derivative.
  Var output(const Tensor& value, int k = 0) const;
  // Adds the gradient of f at `inputs`, given the gradients of its results. f records plain ops.
  // Second derivatives of fused ops and checkpointing use this.
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

// True if no tape, checkpoint or DetectAnomaly observes this thread, so that an op may compute on
// plain tensors.
bool plain();

// Size limit of a derivative's captures, in bytes.
inline constexpr std::size_t kLargestClosure = std::size_t{1} << 15;

// How an op is put on the tape. `derivative` is called with the gradient of the output (with
// several outputs: a span, undefined where none arrived) and adds the inputs' gradients to the
// Cotangents. What it captures is saved for backward.
struct Recorder {
  // What can be done with a closure of a certain type.
  struct Calls {
    void (*run)(void* closure, std::span<const Var> gradients, Cotangents& out);
    void (*destroy)(void* closure);
  };

  // Returns space for the closure, or nullptr if nothing is to be recorded.
  static void* begin(const Op& op, std::span<const Tensor> outputs,
                     std::span<const Var* const> inputs, Where where, std::size_t bytes,
                     bool always);
  static void finish(const Calls& calls, std::span<Tensor> outputs, std::span<Var> vars);
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
  static constexpr Recorder::Calls kCalls{
      [](void* closure, std::span<const Var> gradients, Cotangents& out) {
        auto& f = *static_cast<Closure*>(closure);
        if constexpr (std::is_invocable_v<Closure&, const Var&, Cotangents&>) {
          f(gradients[0], out);
        } else {
          f(gradients, out);
        }
      },
      [](void* closure) { static_cast<Closure*>(closure)->~Closure(); }};
  Recorder::finish(kCalls, outputs, vars);
}

}  // namespace detail

// Puts an op with one output and 1 to 8 inputs on the tape and returns the output as a Var.
// `derivative` is called in backward with the gradient of the output.
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

struct RecordOptions {
  bool always = false;  // also if no input requires a gradient, as for an op that uses parameters
};
// The same for any number of inputs and outputs. `derivative` gets a span of gradients, undefined
// where none arrived.
template <class F>
std::vector<Var> record(const Op& op, std::vector<Tensor> outputs, std::span<const Var> inputs,
                        Where where, F&& derivative, const RecordOptions& options = {}) {
  std::vector<const Var*> pointers;
  for (const Var& v : inputs) pointers.push_back(&v);
  std::vector<Var> out(outputs.size());
  detail::record_into(op, outputs, pointers, where, std::forward<F>(derivative), out,
                      options.always);
  return out;
}

}  // namespace unroll
