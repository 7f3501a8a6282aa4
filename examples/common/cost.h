// What a piece of work takes: time and memory. Also used by the benchmarks.
#pragma once

#include <functional>

namespace program {

struct Cost {
  double seconds = 0;  // processor time, of all threads
  double bytes = 0;    // peak above what was in use before
};
// The fastest run of `seconds` of work, at least three. In processor time, since another program on
// the core would look like a slow run.
Cost cost_of(const std::function<void()>& work, double seconds = 1);

}  // namespace program
