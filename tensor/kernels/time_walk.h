// A walk over the time steps of a ragged batch, for every kernel that carries something from step
// to step, and how its work is divided among threads: by sequences of the batch, by channels, or by
// chunks of time.
//
// Rows are in the order of a SequenceLayout: those of step t are one block, the longest sequence
// first, so that row b of the batch is row b of every step that its sequence reaches.
#pragma once

#include <unroll/tensor/types.h>

#include <algorithm>
#include <functional>
#include <vector>

namespace unroll::kernels {

// The steps of a batch, as SequenceLayout::offsets() has them.
struct Steps {
  const Index* offsets;  // [T + 1]
  Index steps;           // T
  bool reverse;          // from the last step to the first
  Index batch(Index t) const { return offsets[t + 1] - offsets[t]; }
  Index rows() const { return offsets[steps]; }
};

// The steps in the order of the walk: step i of it is time step at(i).
struct TimeWalk {
  const Steps& s;

  Index at(Index i) const { return s.reverse ? s.steps - 1 - i : i; }
  // Batch rows of step i that continue a sequence of step i - 1; those from there on begin one.
  Index continued(Index i) const {
    return i == 0 ? 0 : std::min(s.batch(at(i)), s.batch(at(i - 1)));
  }
  // The first row of the step before i.
  Index before(Index i) const { return i == 0 ? 0 : s.offsets[at(i - 1)]; }
  // Batch rows of step i from this one on are the last of their sequences.
  Index last(Index i) const { return i + 1 == s.steps ? 0 : s.batch(at(s.reverse ? i : i + 1)); }

  // Calls f(from, to, continues) for the batch rows among [lo, hi) of step i that continue a
  // sequence, and for those that begin one.
  template <class F>
  void each_part(Index i, Index lo, Index hi, F f) const {
    const Index split = std::clamp(continued(i), lo, hi);
    if (lo < split) f(lo, split, true);
    if (split < hi) f(split, hi, false);
  }
};

// Ranges [bounds[i], bounds[i + 1]) of batch rows with about equal work, which is the sum of their
// lengths: at most `parts`, each of at least `min_rows`, the work of one of them at least
// kMinShardWork. A row of one step costs `row_cost` multiplications.
std::vector<Index> batch_shards(const Steps& s, Index row_cost, Index parts, Index min_rows);

// Ranges of [0, n) of about equal size, at most `parts` of them and at least one, each but the last
// a multiple of `multiple`: channels (a multiple of the vector width), or steps in chunks.
std::vector<Index> even_shards(Index n, Index parts, Index multiple);

// Calls f(lo, hi) for each range of bounds, on the threads of the pool, with denormals flushed.
void each_shard(const std::vector<Index>& bounds, const std::function<void(Index, Index)>& f);

// Each thread takes its batch rows [lo, hi) through all time steps.
void each_batch_shard(const Steps& s, Index row_cost, const std::function<void(Index, Index)>& f);

}  // namespace unroll::kernels
