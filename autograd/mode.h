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
class Mode {
 public:
  explicit Mode(bool training);
  ~Mode();
  Mode(const Mode&) = delete;

 private:
  std::optional<bool> before_;
};
struct Training : Mode {
  Training() : Mode(true) {}
};
struct Inference : Mode {
  Inference() : Mode(false) {}
};

}  // namespace unroll
