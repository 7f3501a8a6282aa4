// Time for memory: what a function computed is not kept, but computed again when its derivative is
// needed.
#include <unroll/autograd/ops.h>

namespace unroll {
namespace {
const Op checkpoint_op{"checkpoint"};
}

std::vector<Var> checkpoint(const std::function<std::vector<Var>(const std::vector<Var>&)>& f,
                            const std::vector<Var>& inputs, Where where) {
  std::vector<Tensor> outputs;
  {
    const NoGrad off;
    for (const Var& y : f(inputs)) outputs.push_back(y.value());
  }
  return record(
      checkpoint_op, outputs, inputs, where,
      [f, inputs](std::span<const Var> gradients, Cotangents& d) {
        d.add_through(f, inputs, gradients);
      },
      // The parameters that f uses are not seen from outside, so it is recorded even when no input
      // is on the tape.
      true);
}

}  // namespace unroll
