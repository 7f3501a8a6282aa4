// Training or inference, for modules that behave differently in the two (dropout).
//
//   { Inference on; model(x); }    // nothing is dropped, also while a Tape is alive
#pragma once

#include <optional>

namespace unroll {

// What the innermost Training or Inference of this thread says; where there is none, true while ops
// are recorded: a Tape is alive, and no NoGrad.
bool training();

// While it lives, modules called on this thread are in training or in inference.
class TrainingMode {
 public:
  explicit TrainingMode(bool training);
  ~TrainingMode();
  TrainingMode(const TrainingMode&) = delete;

 private:
  std::optional<bool> before_;
};
struct Training : TrainingMode {
  Training() : TrainingMode(true) {}
};
struct Inference : TrainingMode {
  Inference() : TrainingMode(false) {}
};

}  // namespace unroll
