// Work by runs of rows on the threads. Denormals count as zero, however much work it is.
#pragma once

#include <unroll/tensor/kernels/denormals.h>
#include <unroll/tensor/threads.h>

namespace unroll::kernels {

// call(f, first, count) for runs of `each` of `rows`.
void spread_runs(Index rows, Index each, void (*call)(const void*, Index, Index), const void* f);

// Calls f(first, count) for runs of `each` rows, the last perhaps of fewer: where a cut could be
// seen in a result, `each` must not depend on the number of threads.
template <class F>
void parallel_runs(Index rows, Index each, const F& f) {
  const auto call = [](const void* of, Index first, Index count) {
    const FlushDenormals flush;
    (*static_cast<const F*>(of))(first, count);
  };
  if (rows > each) return spread_runs(rows, each, call, &f);
  if (rows > 0) call(&f, 0, rows);
}

// Calls f(first, count) for runs of rows of n numbers: for all of them at once where that is little
// work.
template <class F>
void parallel_rows(Index rows, Index n, const F& f) {
  constexpr Index kRun = Index{1} << 17;  // numbers in one run
  const Index each = n < 2 ? kRun : (kRun + n - 1) / n;
  parallel_runs(rows, rows < 2 * each ? rows : each, f);
}

}  // namespace unroll::kernels
