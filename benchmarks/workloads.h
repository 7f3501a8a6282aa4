// The workloads of the speed table, each a whole training step (forward, backward, update) unless
// it says otherwise. B batch, T time, V vocabulary. pytorch_reference.py has the same ones.
#pragma once

#include <unroll/tensor/types.h>

#include <functional>
#include <string>
#include <vector>

namespace bench {

struct Workload {
  std::string name;  // "w1"
  std::string what;
  unroll::Index tokens = 0;  // in a run, for tokens per second; 0: not counted
  double per = 1;            // how many ops or steps a run has: seconds are divided by it
  // Makes the model and the data, and returns one run.
  std::function<std::function<void()>()> prepare;
};

const std::vector<Workload>& workloads();

}  // namespace bench
