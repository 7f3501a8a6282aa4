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

std::vector<Tile> tiles_for(const Steps& s, Index channels, Index parts) {
  const Index batch = s.batch(0);
  const bool by_channels = channels >= parts * kMinTileChannels || batch < parts;
  // batch_shards has a minimal work of its own, which a large cost of a row satisfies.
  const std::vector<Index> bounds = by_channels ? even_shards(channels, parts, kMinTileChannels)
                                                : batch_shards(s, Index{1} << 24, parts, 1);
  std::vector<Tile> out;
  for (std::size_t i = 0; i + 1 < bounds.size(); ++i)
    out.push_back(by_channels ? Tile{0, batch, bounds[i], bounds[i + 1]}
                              : Tile{bounds[i], bounds[i + 1], 0, channels});
  return out;
}

void each_of(const std::vector<Tile>& tiles, const std::function<void(const Tile&)>& f) {
  parallel_for(static_cast<Index>(tiles.size()), [&](Index i) {
    const FlushDenormals flush;
    f(tiles[i]);
  });
}

}  // namespace unroll::kernels
