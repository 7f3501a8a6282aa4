// Divides a ragged batch [N, channels] among threads, for ops over time whose channels are
// independent.
#pragma once

#include <unroll/tensor/kernels/denormals.h>
#include <unroll/tensor/kernels/time_walk.h>

namespace unroll::kernels {

// The number of parts, 1 to threads(), for work that takes one thread this long.
Index parts_for(double nanoseconds);

// A part of a batch: batch rows [row, row_end), channels [channel, channel_end).
struct Tile {
  Index row, row_end, channel, channel_end;
};
// The tiles of a batch, for each_tile.
std::vector<Tile> tiles_for(const Steps& s, Index channels, Index parts);
void each_of(const std::vector<Tile>& tiles, const std::function<void(const Tile&)>& f);

// Calls f for each tile of the batch on the thread pool, with denormals flushed to zero.
// `element_time` is the approximate time of one thread for an element, in nanoseconds. Wide rows
// are divided by channels, which gives equal parts for any lengths of the sequences; others by
// batch rows. Small work runs on the calling thread, without allocation.
template <class F>
void each_tile(const Steps& s, Index channels, double element_time, F f) {
  const Index parts = parts_for(static_cast<double>(s.rows() * channels) * element_time);
  if (parts == 1) {
    const FlushDenormals flush;
    f(Tile{0, s.batch(0), 0, channels});
  } else {
    each_of(tiles_for(s, channels, parts), f);
  }
}

}  // namespace unroll::kernels
