// Splits work over rows among the threads. Denormals are always flushed to zero, even without
// threads.
#pragma once

#include <unroll/tensor/kernels/denormals.h>
#include <unroll/tensor/threads.h>

namespace unroll::kernels {

// Calls call(f, first, count) for blocks of `each` rows.
void spread_runs(Index rows, Index each, void (*call)(const void*, Index, Index), const void* f);

// Calls f(first, count) for blocks of `each` rows; the last may be smaller. Where blocks affect
// rounding, `each` must depend on the problem size only, not on the thread count.
template <class F>
void parallel_runs(Index rows, Index each, const F& f) {
  const auto call = [](const void* of, Index first, Index count) {
    const FlushDenormals flush;
    (*static_cast<const F*>(of))(first, count);
  };
  if (rows > each) return spread_runs(rows, each, call, &f);
  if (rows > 0) call(&f, 0, rows);
}

// Elements per block; less is not worth a second thread.
inline constexpr Index kElementsPerBlock = Index{1} << 17;

// Calls f(first, count) for blocks of rows of n elements; small work is done in a single call.
template <class F>
void parallel_rows(Index rows, Index n, const F& f) {
  constexpr Index kRun = kElementsPerBlock;
  const Index each = n < 2 ? kRun : (kRun + n - 1) / n;
  parallel_runs(rows, rows < 2 * each ? rows : each, f);
}

}  // namespace unroll::kernels
