// The workloads of the speed table. Each is a whole training step (forward, backward, update)
// unless its name says otherwise. B batch, T time steps, V vocabulary. pytorch_reference.py has the
// same ones.
#pragma once

#include <unroll/tensor/types.h>

#include <functional>
#include <string>
#include <vector>

namespace bench {

struct Workload {
  std::string name;  // "w1"
  std::string what;
  unroll::Index tokens = 0;  // per run, for tokens per second; 0: not counted
  double per = 1;            // ops or steps per run; the time is divided by it
  // Creates model and data, and returns a function that does one run.
  std::function<std::function<void()>()> prepare;
};

const std::vector<Workload>& workloads();
// Parts of workloads():
std::vector<Workload> sequence_workloads();     // S1 to S3, C1
std::vector<Workload> transformer_workloads();  // T1, T2
std::vector<Workload> scan_workloads();         // T3 to T6

// A run of attention over `steps` steps, as in T5, to find where linear attention becomes faster.
std::function<void()> attention_of(unroll::Index steps, bool linear);

}  // namespace bench
