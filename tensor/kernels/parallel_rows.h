// Elementwise and row by row work on the threads.
#pragma once

#include <unroll/tensor/kernels/denormals.h>
#include <unroll/tensor/threads.h>

namespace unroll::kernels {

// call(f, first, count) for runs of `each` of `rows`, spread over the threads.
void parallel_runs(Index rows, Index each, void (*call)(const void*, Index, Index), const void* f);

// Calls f(first, count) for runs of rows of n numbers: for all of them at once where that is little
// work. Denormals count as zero, however much it is.
template <class F>
void parallel_rows(Index rows, Index n, const F& f) {
  constexpr Index kRun = Index{1} << 17;  // numbers in one run
  const Index each = n < 2 ? kRun : (kRun + n - 1) / n;
  const auto call = [](const void* of, Index first, Index count) {
    const FlushDenormals flush;
    (*static_cast<const F*>(of))(first, count);
  };
  if (rows >= 2 * each) return parallel_runs(rows, each, call, &f);
  call(&f, 0, rows);
}

}  // namespace unroll::kernels
