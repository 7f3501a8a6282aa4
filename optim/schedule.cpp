#include <unroll/optim/schedule.h>
#include <unroll/tensor/error.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace unroll::optim {

double StepDecay::operator()(Index step) const {
  check(every >= 1, "StepDecay: `every` of at least 1 was required: got {}", every);
  return lr * std::pow(factor, static_cast<double>(step / every));
}

double WarmUp::operator()(Index step) const {
  if (step >= steps) return lr;
  return lr * (start + (1 - start) * static_cast<double>(step) / static_cast<double>(steps));
}

double Cosine::operator()(Index step) const {
  check(steps > warmup, "Cosine: more steps than those of the warm-up ({}) were required: got {}",
        warmup, steps);
  if (step < warmup) return WarmUp{lr, warmup}(step);
  const double part =
      static_cast<double>(std::min(step, steps) - warmup) / static_cast<double>(steps - warmup);
  return least + (lr - least) * 0.5 * (1 + std::cos(std::numbers::pi * part));
}

ReduceOnPlateau::ReduceOnPlateau(const Options& o) : o_(o), lr_(o.lr) {
  check(o.factor > 0 && o.factor < 1, "ReduceOnPlateau: a factor in (0, 1) was required: got {}",
        o.factor);
}

double ReduceOnPlateau::operator()(double loss) {
  if (loss < best_ * (1 - o_.threshold)) {
    best_ = loss;
    bad_ = 0;
  } else {
    ++bad_;
  }
  if (cooling_ > 0) {
    --cooling_;
    bad_ = 0;
  }
  if (bad_ > o_.patience) {
    lr_ = std::max(lr_ * o_.factor, o_.least);
    cooling_ = o_.cooldown;
    bad_ = 0;
  }
  return lr_;
}

}  // namespace unroll::optim
