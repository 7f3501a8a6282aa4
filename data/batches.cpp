#include <unroll/data/batches.h>
#include <unroll/tensor/indexing.h>

#include <algorithm>

namespace unroll::data {

std::vector<std::vector<Index>> shuffled_batches(const std::vector<Index>& lengths,
                                                 Generator& generator, const BatchOptions& o) {
  check(o.size >= 1 && o.bucket >= 1,
        "batches: a size and a bucket of at least 1 were required: got {} and {}", o.size,
        o.bucket);
  const auto count = static_cast<Index>(lengths.size());
  std::vector<Index> order = generator.permutation(count);
  // Limited to the data size, so that the product does not overflow.
  const Index max_size = std::max<Index>(count, 1), size = std::min(o.size, max_size);
  const auto span =
      static_cast<std::size_t>(o.bucket > max_size / size ? max_size : size * o.bucket);
  for (std::size_t at = 0; at < order.size(); at += span)
    std::stable_sort(order.begin() + static_cast<std::ptrdiff_t>(at),
                     order.begin() + static_cast<std::ptrdiff_t>(std::min(at + span, order.size())),
                     [&](Index a, Index b) { return lengths[a] > lengths[b]; });
  std::vector<std::vector<Index>> batches;
  for (std::size_t at = 0; at < order.size(); at += static_cast<std::size_t>(size)) {
    const std::size_t end = std::min(at + static_cast<std::size_t>(size), order.size());
    if (o.drop_last && end - at < static_cast<std::size_t>(o.size)) break;
    batches.emplace_back(order.begin() + static_cast<std::ptrdiff_t>(at),
                         order.begin() + static_cast<std::ptrdiff_t>(end));
  }
  std::vector<std::vector<Index>> out;
  for (Index i : generator.permutation(static_cast<Index>(batches.size())))
    out.push_back(std::move(batches[i]));
  return out;
}

std::vector<std::vector<Index>> shuffled_batches(Index count, Generator& generator,
                                                 const BatchOptions& options) {
  return shuffled_batches(repeated_index("batches", count, 1), generator, options);
}

Windows windows_ending_at(const Tensor& x, const std::vector<Index>& ends, Index length) {
  check(x.rank() == 2 && length >= 1 && !ends.empty(),
        "windows: rows [T, D], a length of at least 1 and at least one end were required: got {}, "
        "{} and {}",
        x.shape(), length, ends.size());
  std::vector<Index> rows;
  for (Index t = 0; t < length; ++t)
    for (Index end : ends) {
      check(end >= length - 1 && end < x.shape()[0],
            "windows: ends in [{}, {}) were required: got {}", length - 1, x.shape()[0], end);
      rows.push_back(end - length + 1 + t);
    }
  return {index_select(x, 0, rows), SequenceLayout::equal(static_cast<Index>(ends.size()), length)};
}

std::vector<StreamChunk> streams(const IndexTensor& ids, const StreamOptions& o) {
  check(o.count >= 1 && o.steps >= 1,
        "streams: a count and steps of at least 1 were required: got {} and {}", o.count, o.steps);
  check(ids.rank() == 1 && ids.numel() > o.count,
        "streams: one list of more than {} ids, one for each stream and a target behind, was "
        "required: got {}",
        o.count, ids.shape());
  const Index length = (ids.numel() - 1) / o.count;  // steps per stream
  std::vector<StreamChunk> out;
  for (Index begin = 0; begin < length;) {
    const Index steps = std::min(o.steps, length - begin);
    std::vector<Index> now, next;
    now.reserve(static_cast<std::size_t>(steps * o.count)), next.reserve(now.capacity());
    for (Index t = begin; t < begin + steps; ++t)
      for (Index b = 0; b < o.count; ++b)
        now.push_back(ids[b * length + t]), next.push_back(ids[b * length + t + 1]);
    out.push_back({std::move(now), std::move(next), SequenceLayout::equal(o.count, steps)});
    begin += steps;
  }
  return out;
}

}  // namespace unroll::data
