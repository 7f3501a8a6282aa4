// Our own threads. Where a cut could be seen in a result, work is cut by its size and never by the
// number of threads.
#pragma once

#include <unroll/tensor/types.h>

#include <functional>

namespace unroll {

// How many threads work on one call: the cores of the machine, UNROLL_THREADS, or what set_threads
// said. There are fewer where the system cannot start so many.
int threads();
void set_threads(int count);  // throws unless count is in [1, 256]

// Runs task(0) ... task(count - 1), each in the caller's floating-point mode (rounding, denormals);
// returns when all are done and throws the first exception. The caller begins with the first share
// of them, each helper with its own. A call from inside a task, or while another thread's call is
// under way, runs its tasks itself.
void parallel_for(Index count, const std::function<void(Index)>& task);

}  // namespace unroll
