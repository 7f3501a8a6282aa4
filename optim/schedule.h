// Learning rate schedules: functions of the step (or epoch), and one that depends on a loss.
//
//   optim::Cosine schedule{.lr = 1e-3, .steps = 1000, .warmup = 50};
//   adam.lr = schedule(step);
//
// Steps count from 0. Calls throw std::invalid_argument if a rate or count is negative or not
// finite.
#pragma once

#include <unroll/tensor/tensor.h>

#include <limits>
#include <map>
#include <string>

namespace unroll::optim {

// The state of an optimizer or schedule: named tensors, for saving (save_safetensors) and resuming
// a run exactly.
using State = std::map<std::string, Tensor>;

// lr * factor^(step / every), rounded down.
struct StepDecay {
  double lr;
  Index every;
  double factor = 0.1;
  double operator()(Index step) const;
};

// Linear from start * lr (default: 0) to lr over `steps` steps, then constant.
struct WarmUp {
  double lr;
  Index steps;
  double start = 0;
  double operator()(Index step) const;
};

// Linear warm-up, then half a cosine from lr down to `min`, in `steps` steps. Loshchilov and
// Hutter 2017.
struct Cosine {
  double lr;
  Index steps;
  Index warmup = 0;
  double min = 0;
  double operator()(Index step) const;
};

// Multiplies the rate by `factor` after more than `patience` calls without improvement of the loss,
// down to `min`. A NaN loss is no improvement.
class ReduceOnPlateau {
 public:
  struct Options {
    double lr;
    double factor = 0.1;
    Index patience = 10;
    double threshold = 1e-4;  // minimal improvement, relative to the best loss
    Index cooldown = 0;       // calls after a reduction that are not counted
    double min = 0;
  };
  explicit ReduceOnPlateau(const Options& options);
  double operator()(double loss);  // returns the new rate
  double lr() const { return lr_; }

  State state() const;
  void set_state(const State& state);  // throws if it does not fit

 private:
  Options o_;
  double lr_, best_ = std::numeric_limits<double>::infinity();
  Index bad_ = 0, cooling_ = 0;
};

}  // namespace unroll::optim
