// Checkpointing: values a function computed are not saved but recomputed in backward, with the same
// random numbers and parameters.
#include <unroll/autograd/mode.h>
#include <unroll/autograd/op.h>
#include <unroll/autograd/ops.h>
#include <unroll/autograd/tape_state.h>
#include <unroll/tensor/random.h>

#include <utility>

namespace unroll {
namespace {
const Op checkpoint_op{"checkpoint"};

// While alive, resets the thread's random generator to the given earlier state.
class Rewound {
 public:
  explicit Rewound(const Generator& before) : now_(std::exchange(default_generator(), before)) {}
  ~Rewound() { default_generator() = now_; }
  Rewound(const Rewound&) = delete;

 private:
  Generator now_;
};
}  // namespace

std::vector<Var> checkpoint(const std::function<std::vector<Var>(const std::vector<Var>&)>& f,
                            const std::vector<Var>& inputs, Where where) {
  check(f != nullptr, "checkpoint: a function was required: got an empty one");
  std::vector<Tensor> outputs;
  const Generator before = default_generator();
  const bool mode = training();
  const auto uses = std::make_shared<ParamUses>();
  {
    const NoGrad off;
    const TrainingMode same(mode);
    const ParamUses::Entered noting(*uses, false);
    for (const Var& y : f(inputs)) {
      check_defined("checkpoint", y);
      outputs.push_back(y.value());
    }
  }
  return record(checkpoint_op, outputs, inputs, where,
                [f, inputs, before, mode, uses](std::span<const Var> gradients, Cotangents& d) {
                  const Rewound generator(before);
                  const TrainingMode same(mode);
                  const ParamUses::Entered replaying(*uses, true);
                  d.add_through(f, inputs, gradients);
                },
                // Recorded even if no input requires a gradient, because f may use parameters,
                // which are not visible here.
                {.always = true});
}

}  // namespace unroll
