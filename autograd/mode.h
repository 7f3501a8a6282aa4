// Training or inference mode, for modules that behave differently in the two (dropout).
//
//   { Inference on; model(x); }    // no dropout, even while a Tape is alive
#pragma once

#include <optional>

namespace unroll {

// The mode set by the innermost Training or Inference on this thread. Default: true if ops are
// being recorded, that is, a Tape is alive and no NoGrad is.
bool training();

// While alive, sets the mode of modules called on this thread.
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
