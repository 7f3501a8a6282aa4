#include <unroll/tensor/kernels/tiles.h>
#include <unroll/tensor/threads.h>

namespace unroll::kernels {
namespace {

// The minimal time of a part, in nanoseconds. Waking a thread takes about a twentieth of it.
constexpr double kMinPartTime = 200'000;
// The minimal number of channels of a tile: rows are then still read in runs of 4 cache lines
// (f32).
constexpr Index kMinTileChannels = 64;

}  // namespace

Index parts_for(double nanoseconds) {
  return static_cast<Index>(std::clamp<double>(nanoseconds / kMinPartTime, 1, threads()));
}

void each_tile(const Steps& s, Index channels, double element_time,
               const std::function<void(const Tile&)>& f) {
  const Index batch = s.batch(0),
              parts = parts_for(static_cast<double>(s.rows() * channels) * element_time);
  if (channels >= parts * kMinTileChannels || batch < parts) {
    each_shard(even_shards(channels, parts, kMinTileChannels), [&](Index from, Index to) {
      f({0, batch, from, to});
    });
    return;
  }
  // batch_shards has a minimal work of its own, which a large cost of a row satisfies.
  each_shard(batch_shards(s, Index{1} << 24, parts, 1), [&](Index lo, Index hi) {
    f({lo, hi, 0, channels});
  });
}

}  // namespace unroll::kernels
