#include <unroll/optim/schedule.h>
#include <unroll/tensor/error.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace unroll::optim {

namespace {
void check_step(const char* name, Index step) {
  check(step >= 0, "{}: a step of at least 0 was required: got {}", name, step);
}
void check_rate(const char* name, const char* what, double rate) {
  check(rate >= 0 && std::isfinite(rate), "{}: a finite {} of at least 0 was required: got {}",
        name, what, rate);
}
}  // namespace

double StepDecay::operator()(Index step) const {
  check_step("StepDecay", step);
  check_rate("StepDecay", "rate", lr);
  check_rate("StepDecay", "factor", factor);
  check(every >= 1, "StepDecay: `every` of at least 1 was required: got {}", every);
  const Index times = step / every;  // number of completed intervals
  return lr * std::pow(factor, static_cast<double>(times));
}

double WarmUp::operator()(Index step) const {
  check_step("WarmUp", step);
  check(steps >= 0, "WarmUp: at least 0 steps were required: got {}", steps);
  check_rate("WarmUp", "rate", lr);
  check_rate("WarmUp", "start", start);
  if (step >= steps) return lr;
  return lr * (start + (1 - start) * static_cast<double>(step) / static_cast<double>(steps));
}

double Cosine::operator()(Index step) const {
  check_step("Cosine", step);
  check_rate("Cosine", "rate", lr);
  check_rate("Cosine", "min rate", min);
  check(warmup >= 0, "Cosine: a warm-up of at least 0 steps was required: got {}", warmup);
  check(steps > warmup, "Cosine: more steps than those of the warm-up ({}) were required: got {}",
        warmup, steps);
  if (step < warmup) return WarmUp{lr, warmup}(step);
  const double part =
      static_cast<double>(std::min(step, steps) - warmup) / static_cast<double>(steps - warmup);
  return min + (lr - min) * 0.5 * (1 + std::cos(std::numbers::pi * part));
}

ReduceOnPlateau::ReduceOnPlateau(const Options& o) : o_(o), lr_(o.lr) {
  check_rate("ReduceOnPlateau", "rate", o.lr);
  check_rate("ReduceOnPlateau", "min rate", o.min);
  check(o.patience >= 0 && o.cooldown >= 0,
        "ReduceOnPlateau: a patience and a cooldown of at least 0 were required: got {} and {}",
        o.patience, o.cooldown);
  check_rate("ReduceOnPlateau", "threshold", o.threshold);
  check(o.factor > 0 && o.factor < 1, "ReduceOnPlateau: a factor in (0, 1) was required: got {}",
        o.factor);
}

double ReduceOnPlateau::operator()(double loss) {
  // The threshold must also work for a best loss below 0, such as a negative log likelihood.
  if (loss < best_ * (1 - std::copysign(o_.threshold, best_))) {
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
    lr_ = std::max(lr_ * o_.factor, o_.min);
    cooling_ = o_.cooldown;
    bad_ = 0;
  }
  return lr_;
}

State ReduceOnPlateau::state() const {
  const auto number = [](double value) { return Tensor::scalar(value, f64); };
  return {{"lr", number(lr_)},
          {"best", number(best_)},
          {"bad", number(static_cast<double>(bad_))},
          {"cooling", number(static_cast<double>(cooling_))}};
}

void ReduceOnPlateau::set_state(const State& given) {
  const State expected = state();
  for (const auto& [name, tensor] : expected) {
    const auto found = given.find(name);
    check(found != given.end() && found->second.defined() && found->second.numel() == 1,
          "ReduceOnPlateau state: one number \"{}\" was required: got {}", name,
          found == given.end() || !found->second.defined() ? "none" : found->second.shape().str());
  }
  for (const auto& [name, tensor] : given)
    check(expected.count(name) > 0,
          "ReduceOnPlateau state: its own entries were required: got an unknown \"{}\"", name);
  const double rate = given.at("lr").item(), best = given.at("best").item(),
               bad = given.at("bad").item(), cooling = given.at("cooling").item();
  const auto is_count = [](double n) { return n >= 0 && n < 0x1p53 && n == std::floor(n); };
  check(rate >= 0 && std::isfinite(rate) && is_count(bad) && is_count(cooling),
        "ReduceOnPlateau state: a finite rate and counts of at least 0 were required: got {}, {} "
        "and {}",
        rate, bad, cooling);
  check(!std::isnan(best), "ReduceOnPlateau state: a number was required as \"best\": got {}",
        best);
  lr_ = rate;
  best_ = best;
  bad_ = static_cast<Index>(bad);
  cooling_ = static_cast<Index>(cooling);
}

}  // namespace unroll::optim
