#include "examples/ecg/cost.h"

#include "examples/common/terminal.h"

#include <unroll/autograd/tape.h>
#include <unroll/tensor/memory.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace ecg {

Cost cost_of(const Forecaster& model, const Rows& rows, Index length, Index chunk) {
  Cost out{0, INFINITY};
  for (int run = 0; run < 3; ++run) {
    const Index before = unroll::memory::stats().in_use;
    unroll::memory::reset_peak();
    const auto start = std::chrono::steady_clock::now();
    {
      unroll::Tape tape;
      const unroll::Gradients g = tape.backward(window_loss(model, rows, 0, length, chunk));
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    out.seconds = std::min(out.seconds, seconds.count());
    out.megabytes = static_cast<double>(unroll::memory::stats().peak - before) / 1e6;
  }
  return out;
}

void print_cost(const Forecaster& model, const Rows& rows, Index length, Index chunk,
                program::Report& report) {
  constexpr Index kChunk = 400;
  const Index every = chunk > 0 ? chunk : kChunk;
  program::say("\nOne window of {} samples as one sequence, forward and backward:\n", length);
  program::Table table({"", "memory in MB", "seconds"});
  for (const auto& [name, size] : {std::pair(std::string("all saved"), Index{0}),
                                   std::pair(fmt::format("recomputed every {}", every), every)}) {
    if (size > 0 && program::attends(model.network.options().kind)) continue;  // has no state
    const Cost cost = cost_of(model, rows, length, size);
    table.add(name,
              {{fmt::format("{:.2f}", cost.megabytes)}, {fmt::format("{:.3f}", cost.seconds)}});
    const std::string kind = size == 0 ? "saved" : "recomputed";
    report.add("megabytes." + kind, cost.megabytes);
    report.add("seconds." + kind, cost.seconds);
  }
  table.print();
}

}  // namespace ecg
