// fused: an op whose forward and derivative are written by hand, with a reference implementation:
// the same function in plain ops.
//
//   const Op square_sum_op{"square_sum"};
//   Var square_sum(const In& x) {
//     return fused(square_sum_op, {*x}, x.where(),
//       [](const FusedInputs& in) { return FusedOutputs{{kernel_forward(in[0])}, {}}; },
//       [](const FusedInputs& in, const std::monostate&, FusedGradients g,
//          Cotangents& d) { d.add(0, kernel_backward(in[0], g[0])); },
//       [](const std::vector<Var>& in) { return std::vector{sum(square(in[0]))}; })[0];
//   }
//
// The reference is differentiated instead of the op when the gradient itself is recorded
// (create_graph), and tests compare the op with it (UseReference). An op without a reference is
// declared with {.once = true} and passes OnceDifferentiable() instead.
#pragma once

#include <unroll/autograd/op.h>

#include <span>
#include <utility>
#include <vector>

namespace unroll {

// Values of the inputs (undefined if the input is) and gradients of the outputs (undefined if none
// arrived).
using FusedInputs = std::vector<Tensor>;
using FusedGradients = std::span<const Tensor>;

// What forward returns: the outputs, and values saved for backward in addition to the inputs.
template <class Saved>
struct FusedOutputs {
  std::vector<Tensor> outputs;
  Saved saved;
};

// For inputs and outputs that may be undefined, such as a bias: contiguous, and its elements for
// reading or writing; undefined and null if it is undefined.
inline Tensor contiguous_if_defined(const Tensor& t) { return t.defined() ? t.contiguous() : t; }
template <class T>
const T* read_if_defined(const Tensor& t) {
  return t.defined() ? t.data<T>() : nullptr;
}
template <class T>
T* write_if_defined(Tensor& t) {
  return t.defined() ? t.data<T>() : nullptr;
}

struct OnceDifferentiable {};

// While alive, fused ops on this thread run their reference implementation. For tests that compare
// the two.
class UseReference {
 public:
  UseReference();
  ~UseReference();
  UseReference(const UseReference&) = delete;
  static bool active();

 private:
  bool before_;
};

// Runs and records a fused op. forward(FusedInputs) -> FusedOutputs<Saved>; backward(FusedInputs,
// Saved, FusedGradients, Cotangents&) adds the gradient of input i with Cotangents::add(i, ..);
// reference(std::vector<Var>) -> std::vector<Var>, one per output.
template <class Forward, class Backward, class Reference>
std::vector<Var> fused(const Op& op, std::vector<Var> inputs, Where where, Forward&& forward,
                       Backward backward, Reference reference) {
  constexpr bool kOnce = std::is_same_v<Reference, OnceDifferentiable>;
  if constexpr (!kOnce)
    if (UseReference::active()) return reference(inputs);
  FusedInputs values;
  values.reserve(inputs.size());
  for (const Var& v : inputs) values.push_back(v.value());
  auto [outputs, saved] = forward(std::as_const(values));
  const std::span<const Var> recorded = inputs;
  return record(
      op, std::move(outputs), recorded, where,
      [values = std::move(values), saved = std::move(saved), inputs, backward = std::move(backward),
       reference = std::move(reference)](std::span<const Var> gradients, Cotangents& d) {
        if constexpr (!kOnce)
          if (recording()) return d.add_through(reference, inputs, gradients);
        std::vector<Tensor> g;
        g.reserve(gradients.size());
        for (const Var& v : gradients) g.push_back(v.value());
        backward(values, saved, FusedGradients(g), d);
      });
}

}  // namespace unroll
