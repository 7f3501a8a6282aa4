#include <unroll/tensor/kernels/tiles.h>
#include <unroll/tensor/kernels/tuning.h>
#include <unroll/tensor/threads.h>

namespace unroll::kernels {

Index parts_for(double nanoseconds) {
  return static_cast<Index>(std::clamp<double>(nanoseconds / tuning::kMinPartTime, 1, threads()));
}

std::vector<Tile> tiles_for(const Steps& s, Index channels, Index parts) {
  const Index batch = s.batch(0), min_channels = tuning::kMinTileChannels;
  const bool by_channels = channels >= parts * min_channels || batch < parts;
  // batch_shards has a minimal work of its own, which a large cost of a row satisfies.
  const std::vector<Index> bounds = by_channels ? even_shards(channels, parts, min_channels)
                                                : batch_shards(s, tuning::kMinShardWork, parts, 1);
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
