// The division of a ragged batch [N, channels] among threads, for ops along time whose channels do
// not depend on each other.
#pragma once

#include <unroll/tensor/kernels/denormals.h>
#include <unroll/tensor/kernels/time_walk.h>

namespace unroll::kernels {

// The number of parts, 1 to threads(), in which work is divided that takes one thread so long.
Index parts_for(double nanoseconds);

// A rectangle of a batch: batch rows [row, row_end), channels [channel, channel_end).
struct Tile {
  Index row, row_end, channel, channel_end;
};
// The tiles of a batch: see each_tile.
std::vector<Tile> tiles_for(const Steps& s, Index channels, Index parts);
void each_of(const std::vector<Tile>& tiles, const std::function<void(const Tile&)>& f);

// Calls f for tiles that together are the batch, on the thread pool, with denormals flushed to
// zero. `element_time` is about what one thread takes for an element, in nanoseconds. Wide rows are
// divided by channels, since such parts are equal whatever the lengths of the sequences; others by
// batch rows. Small work is done at once, without allocating anything.
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
