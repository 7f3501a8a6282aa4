// Time and memory of a piece of work. Also used by the benchmarks.
#pragma once

#include <functional>

namespace program {

struct Cost {
  double seconds = 0;  // processor time, of all threads
  double bytes = 0;    // peak above what was in use before
};
// The fastest run of `seconds` of work, at least three. Processor time, since in wall-clock time
// other programs on the core would count too.
Cost cost_of(const std::function<void()>& work, double seconds = 1);

}  // namespace program
