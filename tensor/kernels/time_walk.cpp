#include <unroll/tensor/kernels/denormals.h>
#include <unroll/tensor/kernels/time_walk.h>
#include <unroll/tensor/kernels/tuning.h>
#include <unroll/tensor/threads.h>

namespace unroll::kernels {

std::vector<Index> batch_shards(const Steps& s, Index row_cost, Index parts, Index min_rows) {
  const Index batch = s.batch(0);
  parts = std::clamp<Index>(std::min(batch / min_rows, s.rows() * row_cost / tuning::kMinShardWork),
                            1, std::max<Index>(parts, 1));
  std::vector<Index> bounds{0};
  Index done = 0;
  Index length = s.steps;  // of sequence b; does not increase with b
  for (Index b = 0; b < batch; ++b) {
    while (s.batch(length - 1) <= b) --length;
    done += length;
    if (static_cast<Index>(bounds.size()) < parts &&
        done * parts >= s.rows() * static_cast<Index>(bounds.size()))
      bounds.push_back(b + 1);
  }
  if (bounds.back() != batch) bounds.push_back(batch);
  return bounds;
}

std::vector<Index> even_shards(Index n, Index parts, Index multiple) {
  const Index units = (n + multiple - 1) / multiple;
  parts = std::clamp<Index>(parts, 1, std::max<Index>(units, 1));
  std::vector<Index> bounds{0};
  for (Index i = 1; i < parts; ++i) bounds.push_back(units * i / parts * multiple);
  bounds.push_back(n);
  return bounds;
}

void each_shard(const std::vector<Index>& bounds, const std::function<void(Index, Index)>& f) {
  parallel_for(static_cast<Index>(bounds.size()) - 1, [&](Index i) {
    const FlushDenormals flush;
    f(bounds[i], bounds[i + 1]);
  });
}

void each_batch_shard(const Steps& s, Index row_cost, const std::function<void(Index, Index)>& f) {
  each_shard(batch_shards(s, row_cost, threads(), tuning::kMinShardRows), f);
}

}  // namespace unroll::kernels
