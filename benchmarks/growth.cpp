// How time and memory grow with the number of steps: ./dev bench --growth
#include "benchmarks/growth.h"

#include "examples/common/cost.h"

#include <unroll/unroll.h>

#include <fmt/format.h>

namespace bench {
namespace {

using namespace unroll;

constexpr Index kChannels = 128, kHeads = 4, kStates = 16;
constexpr Index kSteps[] = {1'000, 2'000, 4'000, 8'000, 16'000, 32'000, 64'000};
constexpr Index kLongestFull =
    16'000;  // full attention takes four times as long for twice the steps

// A function of rows [T, C] of one sequence.
struct Grown {
  const char* name;
  std::function<Var(const Var&, const SequenceLayout&)> f;
  Index longest = 64'000;
};

Var attended(const Var& x, const SequenceLayout& layout, bool linear) {
  const RowGroups rows = RowGroups::of(layout);
  if (linear)
    return linear_attention(x, x, x,
                            {.queries = rows, .keys = rows, .heads = kHeads, .causal = true})
        .rows;
  return attention(x, x, x, {.queries = rows, .keys = rows, .heads = kHeads, .causal = true});
}

std::vector<Grown> functions() {
  Generator g(1);
  const Tensor a = g.uniform({kChannels, kStates}, -4, -0.1), w = g.normal({4, kChannels});
  return {
      {"scan",
       [](const Var& x, const SequenceLayout& layout) { return scan(x, x, Var(), layout).rows; }},
      {"min_gru_sequence",
       [](const Var& x, const SequenceLayout& layout) {
         return min_gru_sequence(concat({x, x}, 1), Var(), layout).rows;
       }},
      {"causal_conv1d",
       [w](const Var& x, const SequenceLayout& layout) {
         return causal_conv1d(x, w, Var(), Var(), layout).rows;
       }},
      {"selective_scan",
       [a](const Var& x, const SequenceLayout& layout) {
         const Var b = narrow(x, 1, 0, kStates);
         return selective_scan({.x = x, .delta = x, .a = a, .b = b, .c = b}, Var(), layout).rows;
       }},
      {"linear_attention, causal",
       [](const Var& x, const SequenceLayout& layout) { return attended(x, layout, true); }},
      {"attention, causal",
       [](const Var& x, const SequenceLayout& layout) { return attended(x, layout, false); },
       kLongestFull},
  };
}

// Forward and backward.
program::Cost cost_of(const Grown& of, Index steps) {
  const Tensor rows = Generator(1).uniform({steps, kChannels}, -1, 1),
               seed = Generator(2).normal({steps, kChannels});
  const SequenceLayout layout = SequenceLayout::equal(1, steps);
  return program::cost_of([&] {
    Tape tape;
    const Var x = tape.watch(rows);
    (void)grad(of.f(x, layout), {x}, {.seed = Var(seed)});
  });
}

std::string milliseconds(double seconds) { return fmt::format("{:.3g}", seconds * 1e3); }

}  // namespace

void print_growth() {
  fmt::print("One sequence of T steps, {} channels, forward and backward, processor time.\n\n",
             kChannels);
  fmt::print("| |");
  for (const Index steps : kSteps) fmt::print(" T = {} |", steps);
  fmt::print(" the last over the first |\n|---|");
  for (std::size_t i = 0; i <= std::size(kSteps); ++i) fmt::print("---:|");
  fmt::print("\n");
  for (const Grown& of : functions()) {
    std::vector<program::Cost> costs;
    for (const Index steps : kSteps)
      if (steps <= of.longest) costs.push_back(cost_of(of, steps));
    const auto line = [&](const char* unit, auto text, double ratio) {
      fmt::print("| {}, {} |", of.name, unit);
      for (std::size_t i = 0; i < std::size(kSteps); ++i)
        fmt::print(" {} |", i < costs.size() ? text(costs[i]) : std::string());
      fmt::print(" {:.1f} |\n", ratio);
    };
    line(
        "ms", [](const program::Cost& c) { return milliseconds(c.seconds); },
        costs.back().seconds / costs.front().seconds);
    line(
        "MB", [](const program::Cost& c) { return fmt::format("{:.3g}", c.bytes / 1e6); },
        costs.back().bytes / costs.front().bytes);
    std::fflush(stdout);
  }
}

}  // namespace bench
