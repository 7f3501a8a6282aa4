// Learning rates that change: functions of the step (or epoch), and one that watches a number.
//
//   optim::Cosine schedule{.lr = 1e-3, .steps = 1000, .warmup = 50};
//   adam.lr = schedule(step);
#pragma once

#include <unroll/tensor/tensor.h>

#include <limits>
#include <map>
#include <string>

namespace unroll::optim {

// What an optimiser or a schedule remembers: named tensors, for saving (save_safetensors) and
// restoring a run bit by bit.
using State = std::map<std::string, Tensor>;

// lr * factor^(number of times that `every` steps have passed)
struct StepDecay {
  double lr;
  Index every;
  double factor = 0.1;
  double operator()(Index step) const;
};

// From 0 (or `start`, as a part of lr) to lr in a straight line over `steps`, lr from then on.
struct WarmUp {
  double lr;
  Index steps;
  double start = 0;
  double operator()(Index step) const;
};

// Half a cosine from lr down to `least` over `steps`, after a warm-up. Loshchilov and Hutter 2017.
struct Cosine {
  double lr;
  Index steps;
  Index warmup = 0;
  double least = 0;
  double operator()(Index step) const;
};

// Lowers the rate when a loss has not improved for more than `patience` calls. A loss of NaN is no
// improvement.
class ReduceOnPlateau {
 public:
  struct Options {
    double lr;
    double factor = 0.1;
    Index patience = 10;
    double threshold = 1e-4;  // an improvement is by at least this part of the best loss's size
    Index cooldown = 0;       // calls after lowering in which nothing is counted
    double least = 0;
  };
  explicit ReduceOnPlateau(const Options& options);
  double operator()(double loss);  // the rate from here on
  double lr() const { return lr_; }

  State state() const;
  void set_state(const State& state);  // refuses what does not fit

 private:
  Options o_;
  double lr_, best_ = std::numeric_limits<double>::infinity();
  Index bad_ = 0, cooling_ = 0;
};

}  // namespace unroll::optim
