// Batches: each example once, near lengths together; windows over a long series.
#include "tests/support.h"

#include <unroll/data/batches.h>

#include <algorithm>
#include <limits>
#include <set>

using namespace unroll;
using namespace unroll::data;

namespace {
std::vector<Index> random_lengths(Generator& g, Index n) {
  std::vector<Index> out;
  for (Index i = 0; i < n; ++i) out.push_back(1 + g.below(100));
  return out;
}
}  // namespace

TEST_CASE("shuffled batches hold each example once, in batches of the size asked for") {
  Generator g(1);
  for (int round = 0; round < 200; ++round) {
    const Index n = g.below(200);
    const BatchOptions o{
        .size = 1 + g.below(20), .bucket = 1 + g.below(8), .drop_last = g.below(2) == 1};
    const auto batches = shuffled_batches(random_lengths(g, n), g, o);
    std::multiset<Index> seen;
    Index partial = 0;
    for (const auto& batch : batches) {
      CHECK(!batch.empty());
      partial += static_cast<Index>(batch.size()) < o.size;
      CHECK(static_cast<Index>(batch.size()) <= o.size);
      seen.insert(batch.begin(), batch.end());
    }
    const Index left_out = o.drop_last ? n % o.size : 0;
    CHECK(partial == (n % o.size != 0 && !o.drop_last ? 1 : 0));
    CHECK(static_cast<Index>(seen.size()) == n - left_out);
    CHECK(std::set<Index>(seen.begin(), seen.end()).size() == seen.size());
    if (!seen.empty()) CHECK((*seen.begin() >= 0 && *seen.rbegin() < n));
  }
}

TEST_CASE("sequences of a batch have similar lengths, so padding them would add little") {
  Generator g(2);
  const auto lengths = random_lengths(g, 2000);
  const auto spread = [&](Index bucket) {
    Index sum = 0;
    for (const auto& batch : shuffled_batches(lengths, g, {.size = 20, .bucket = bucket})) {
      Index least = 1000, most = 0;
      for (Index i : batch) {
        least = std::min(least, lengths[static_cast<std::size_t>(i)]);
        most = std::max(most, lengths[static_cast<std::size_t>(i)]);
      }
      sum += most - least;
    }
    return sum / 100;
  };
  CHECK(spread(100) <= 2);
  CHECK(spread(10) <= 12);
  CHECK(spread(1) >= 80);
}

TEST_CASE("each epoch has different batches in a different order, and a seed repeats them") {
  const std::vector<Index> lengths(100, 7);
  Generator g(3), again(3);
  const auto first = shuffled_batches(lengths, g, {.size = 10}),
             second = shuffled_batches(lengths, g, {.size = 10});
  CHECK(first != second);
  CHECK(first == shuffled_batches(lengths, again, {.size = 10}));
  CHECK(second == shuffled_batches(100, again, {.size = 10}));
  // The longest are not always first.
  std::set<Index> begins;
  std::vector<Index> rising;
  for (Index i = 0; i < 100; ++i) rising.push_back(i + 1);
  for (int round = 0; round < 20; ++round)
    begins.insert(shuffled_batches(rising, g, {.size = 10})[0][0] / 10);
  CHECK(begins.size() > 3);
}

TEST_CASE("a window holds the rows up to its end, in order of time") {
  Generator g(4);
  for (int round = 0; round < 100; ++round) {
    const Index t = 1 + g.below(30), d = 1 + g.below(4), length = 1 + g.below(t);
    const Tensor x = g.normal({t, d}, 0, 1, f64);
    std::vector<Index> ends;
    for (Index i = 1 + g.below(10); i > 0; --i)
      ends.push_back(length - 1 + g.below(t - length + 1));
    const Windows w = windows_ending_at(x, ends, length);
    CHECK(w.layout == SequenceLayout::equal(static_cast<Index>(ends.size()), length));
    for (std::size_t e = 0; e < ends.size(); ++e)
      for (Index s = 0; s < length; ++s)
        CHECK(distance(w.rows.select(0, w.layout.row(static_cast<Index>(e), s)),
                       x.select(0, ends[e] - length + 1 + s)) == 0);
  }
}

TEST_CASE("invalid sizes and window ends are refused; a huge batch size means one batch") {
  Generator g(5);
  const Tensor x = Tensor::zeros({10, 2});
  constexpr Index kHuge = std::numeric_limits<Index>::max();
  check_refused([&] { shuffled_batches(5, g, {.size = 0}); },
                "batches: a size and a bucket of at least 1 were required: got 0 and 16");
  check_refused([&] { shuffled_batches(5, g, {.bucket = -1}); }, "got 32 and -1");
  check_refused([&] { shuffled_batches(Index{1} << 61, g); },
                "batches: a count that fits memory was required");
  check_refused([&] { shuffled_batches(-1, g); },
                "batches: a count of at least 0 was required: got -1");
  CHECK(shuffled_batches(5, g, {.size = kHuge, .bucket = kHuge}).size() == 1);
  CHECK(shuffled_batches(5, g, {.size = 2, .bucket = kHuge}).size() == 3);
  CHECK(shuffled_batches(0, g).empty());
  check_refused([&] { windows_ending_at(x, {}, 3); },
                "at least one end were required: got [10, 2], 3 and 0");
  check_refused([&] { windows_ending_at(x, {5}, 0); }, "got [10, 2], 0 and 1");
  check_refused([&] { windows_ending_at(Tensor::zeros({10}), {5}, 2); }, "got [10], 2 and 1");
  check_refused([&] { windows_ending_at(x, {1}, 3); },
                "windows: ends in [2, 10) were required: got 1");
  check_refused([&] { windows_ending_at(x, {5, 10}, 3); }, "got 10");
  check_refused([&] { windows_ending_at(x, {5}, kHuge); }, "got 5");
}

TEST_CASE("streams run through the text side by side, each chunk where the last one ended") {
  Generator g(3);
  for (int round = 0; round < 200; ++round) {
    const StreamOptions o{.count = 1 + g.below(5), .steps = 1 + g.below(7)};
    const Index n = o.count + 1 + g.below(60);
    const IndexTensor ids = g.integers({n}, 0, 1000);
    const auto chunks = streams(ids, o);
    const Index length = (n - 1) / o.count;
    std::vector<std::vector<Index>> seen(static_cast<std::size_t>(o.count)), follow = seen;
    for (std::size_t c = 0; c < chunks.size(); ++c) {
      const StreamChunk& chunk = chunks[c];
      CHECK(chunk.layout.sequences() == o.count);
      if (c + 1 < chunks.size()) CHECK(chunk.layout.steps() == o.steps);
      CHECK(chunk.ids.numel() == chunk.layout.rows());
      CHECK(chunk.targets.numel() == chunk.layout.rows());
      for (Index b = 0; b < o.count; ++b)
        for (Index t = 0; t < chunk.layout.steps(); ++t) {
          seen[b].push_back(chunk.ids[chunk.layout.row(b, t)]);
          follow[b].push_back(chunk.targets[chunk.layout.row(b, t)]);
        }
    }
    for (Index b = 0; b < o.count; ++b) {
      CHECK(IndexTensor(seen[b]) == ids.narrow(0, b * length, length));
      CHECK(IndexTensor(follow[b]) == ids.narrow(0, b * length + 1, length));
    }
  }
  const IndexTensor four = IndexTensor::arange(4);
  check_refused([&] { (void)streams(four, {.count = 4}); }, "more than 4 ids");
  check_refused([&] { (void)streams(four, {.count = 0}); }, "got 0 and 35");
  check_refused([&] { (void)streams(four, {.steps = 0}); }, "got 1 and 0");
  check_refused([&] { (void)streams(IndexTensor::of({{1, 2}, {3, 4}}), {}); }, "one list");
  CHECK(streams(four, {.count = 3}).size() == 1);
}
