#include "examples/speech/alignment.h"

#include <unroll/autograd/ops.h>
#include <unroll/tensor/error.h>

#include <algorithm>
#include <cmath>

namespace speech {

// The states of the search are blank, letter 0, blank, letter 1, ..., blank: state s is a letter
// if s is odd. From s the next step is in s, s + 1, or, from a letter to a different one, s + 2.
std::vector<Index> align(const unroll::Tensor& logits, const std::vector<Index>& symbols) {
  const Index steps = logits.size(0), symbols_known = logits.size(1),
              states = 2 * std::ssize(symbols) + 1;
  if (symbols.empty()) return {};
  const std::vector<double> log_p = log_softmax(unroll::Var(logits)).value().to_vector<double>();
  const auto symbol = [&](Index s) {
    return s % 2 == 0 ? 0 : symbols[static_cast<std::size_t>(s / 2)];
  };
  for (const Index s : symbols)
    unroll::check(s > 0 && s < symbols_known, "align: symbols in [1, {}) were required: got {}",
                  symbols_known, s);
  constexpr double kNever = -INFINITY;
  std::vector<double> best(static_cast<std::size_t>(states), kNever);
  std::vector<std::vector<Index>> from;  // [T][states]: the state before
  for (Index t = 0; t < steps; ++t) {
    std::vector<double> now(best.size(), kNever);
    from.emplace_back(best.size(), 0);
    for (Index s = 0; s < states; ++s) {
      double score = t == 0 ? (s <= 1 ? 0 : kNever) : kNever;
      for (Index back = 0; t > 0 && back <= std::min<Index>(2, s); ++back) {
        if (back == 2 && (s % 2 == 0 || symbol(s) == symbol(s - 2))) continue;
        const double before = best[static_cast<std::size_t>(s - back)];
        if (before > score) score = before, from.back()[static_cast<std::size_t>(s)] = s - back;
      }
      now[static_cast<std::size_t>(s)] =
          score + log_p[static_cast<std::size_t>(t * symbols_known + symbol(s))];
    }
    best = now;
  }
  Index state = best[best.size() - 1] >= best[best.size() - 2] ? states - 1 : states - 2;
  if (best[static_cast<std::size_t>(state)] == kNever) return {};
  std::vector<Index> out(static_cast<std::size_t>(steps));
  for (Index t = steps - 1; t >= 0; --t) {
    out[static_cast<std::size_t>(t)] = state % 2 == 0 ? -1 : state / 2;
    state = from[static_cast<std::size_t>(t)][static_cast<std::size_t>(state)];
  }
  return out;
}

}  // namespace speech
