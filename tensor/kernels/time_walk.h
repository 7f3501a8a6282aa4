// A walk over the time steps of a ragged batch, for kernels that carry a state from step to step;
// and the division of its work among threads by sequences, by channels or by chunks of time.
//
// Rows are in the order of a SequenceLayout: the rows of step t form one block, longest sequence
// first, so that row b of the batch is row b of every step that its sequence reaches.
#pragma once

#include <unroll/tensor/types.h>

#include <algorithm>
#include <functional>
#include <vector>

namespace unroll::kernels {

// The steps of a batch, see SequenceLayout::offsets().
struct Steps {
  const Index* offsets;  // [T + 1]
  Index steps;           // T
  bool reverse;          // walk from the last step to the first
  Index batch(Index t) const { return offsets[t + 1] - offsets[t]; }
  Index rows() const { return offsets[steps]; }
  // The length of the sequence that is row b of the batch: the number of steps with such a row.
  Index length(Index b) const {
    Index low = 0, high = steps;  // step low - 1 has row b, step high has not
    while (low < high) {
      const Index middle = (low + high) / 2;
      (batch(middle) > b ? low : high) = batch(middle) > b ? middle + 1 : middle;
    }
    return low;
  }
  // The row at which sequence b of the batch is after `i` steps of the walk, i below length(b).
  Index row(Index b, Index i, Index length) const {
    return offsets[reverse ? length - 1 - i : i] + b;
  }
};

// The steps in walking order: step i of the walk is time step at(i).
struct TimeWalk {
  const Steps& s;

  Index at(Index i) const { return s.reverse ? s.steps - 1 - i : i; }
  // The first `continued` batch rows of step i continue a sequence of step i - 1; the others begin
  // one.
  Index continued(Index i) const {
    return i == 0 ? 0 : std::min(s.batch(at(i)), s.batch(at(i - 1)));
  }
  // The first row of the previous step.
  Index before(Index i) const { return i == 0 ? 0 : s.offsets[at(i - 1)]; }
  // Batch rows of step i from this one on are the last of their sequences.
  Index last(Index i) const { return i + 1 == s.steps ? 0 : s.batch(at(s.reverse ? i : i + 1)); }

  // Calls f(from, to, continues) for the batch rows among [lo, hi) of step i: once for those that
  // continue a sequence, and once for those that begin one.
  template <class F>
  void each_part(Index i, Index lo, Index hi, F f) const {
    const Index split = std::clamp(continued(i), lo, hi);
    if (lo < split) f(lo, split, true);
    if (split < hi) f(split, hi, false);
  }
};

// Divides the batch rows into ranges [bounds[i], bounds[i + 1]) of about equal work: at most
// `parts` ranges, each with at least `min_rows` rows and at least about
// tuning::kMinShardWork multiplications. The work of a row is the length of its sequence times
// `row_cost` multiplications.
std::vector<Index> batch_shards(const Steps& s, Index row_cost, Index parts, Index min_rows);

// Divides [0, n) into at most `parts` (at least one) ranges of about equal size. All but the last
// are multiples of `multiple`. For channels (a multiple of the vector width) or chunks of time
// steps.
std::vector<Index> even_shards(Index n, Index parts, Index multiple);

// Calls f(lo, hi) for each range on the thread pool, with denormals flushed to zero.
void each_shard(const std::vector<Index>& bounds, const std::function<void(Index, Index)>& f);

// Calls f(lo, hi) for ranges of batch rows, each of which is walked through all time steps.
void each_batch_shard(const Steps& s, Index row_cost, const std::function<void(Index, Index)>& f);

}  // namespace unroll::kernels
