// The thread pool. Where splitting work affects rounding, it is split by problem size and never by
// the number of threads.
#pragma once

#include <unroll/tensor/types.h>

#include <functional>

namespace unroll {

// The number of threads that work on a call: the number of cores, or UNROLL_THREADS, or the
// argument of set_threads. Fewer are used if the system cannot start that many.
int threads();
void set_threads(int count);  // throws unless count is in [1, 256]

// Runs task(0) ... task(count - 1), each in the caller's floating-point mode (rounding, denormals).
// Returns when all are done, and rethrows the first exception. A call from inside a task, or while
// another thread's call is running, runs all its tasks on the calling thread.
void parallel_for(Index count, const std::function<void(Index)>& task);

}  // namespace unroll
