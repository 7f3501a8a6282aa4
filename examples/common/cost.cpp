#include "examples/common/cost.h"

#include <unroll/tensor/memory.h>

#include <algorithm>
#include <cmath>
#include <ctime>

namespace program {

Cost cost_of(const std::function<void()>& work, double seconds) {
  namespace memory = unroll::memory;
  Cost out{INFINITY, 0};
  double total = 0;
  for (int run = 0; run < 3 || (total < seconds && run < 200); ++run) {
    memory::reset_peak();
    const unroll::Index before = memory::stats().in_use;
    const std::clock_t start = std::clock();
    work();
    const double taken = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    total += taken;
    out.seconds = std::min(out.seconds, taken);
    out.bytes = static_cast<double>(memory::stats().peak - before);
  }
  return out;
}

}  // namespace program
