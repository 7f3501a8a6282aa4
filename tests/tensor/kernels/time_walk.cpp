// The walk over time that recurrent kernels share, and how its work is divided.
#include <unroll/tensor/kernels/time_walk.h>
#include <unroll/tensor/random.h>
#include <unroll/tensor/sequence_layout.h>
#include <unroll/tensor/threads.h>

#include <doctest/doctest.h>

#include <atomic>
#include <numeric>

using namespace unroll;
using kernels::Steps;
using kernels::TimeWalk;

namespace {

SequenceLayout random_layout(Generator& g) {
  std::vector<Index> lengths(static_cast<std::size_t>(1 + g.below(20)));
  for (Index& length : lengths) length = 1 + static_cast<Index>(g.below(30));
  return SequenceLayout(lengths);
}

Steps steps_of(const SequenceLayout& layout, bool reverse) {
  return {layout.offsets().data(), layout.steps(), reverse};
}

}  // namespace

TEST_CASE("a time walk visits every row once, in the order of time within each sequence") {
  Generator g(1);
  for (int round = 0; round < 50; ++round)
    for (bool reverse : {false, true}) {
      const SequenceLayout layout = random_layout(g);
      const Steps steps = steps_of(layout, reverse);
      const TimeWalk walk{steps};
      const IndexTensor sequence = layout.sequence_of_rows(), time = layout.time_of_rows();
      std::vector<int> visits(static_cast<std::size_t>(layout.rows()), 0);
      for (Index i = 0; i < steps.steps; ++i) {
        const Index first = steps.offsets[walk.at(i)], batch = steps.batch(walk.at(i));
        Index parts = 0;
        walk.each_part(i, 0, batch, [&](Index from, Index to, bool continues) {
          ++parts;
          for (Index b = from; b < to; ++b) {
            const Index row = first + b, length = layout.lengths()[sequence[row]];
            ++visits[row];
            const bool begins = reverse ? time[row] == length - 1 : time[row] == 0;
            const bool ends = reverse ? time[row] == 0 : time[row] == length - 1;
            CHECK(continues != begins);
            CHECK((b >= walk.last(i)) == ends);
            if (!continues) continue;
            const Index before = walk.before(i) + b;
            CHECK(sequence[before] == sequence[row]);
            CHECK(time[before] == time[row] + (reverse ? 1 : -1));
          }
        });
        CHECK(parts <= 2);
      }
      CHECK(std::all_of(visits.begin(), visits.end(), [](int n) { return n == 1; }));
    }
}

TEST_CASE("shards cover the batch once, have enough rows and about equal work") {
  Generator g(2);
  for (int round = 0; round < 200; ++round) {
    const SequenceLayout layout = random_layout(g);
    const Steps steps = steps_of(layout, false);
    const Index parts = 1 + static_cast<Index>(g.below(6)),
                min_rows = 1 + static_cast<Index>(g.below(4)),
                cost = Index{1} << (10 + g.below(20));
    const std::vector<Index> bounds = kernels::batch_shards(steps, cost, parts, min_rows);
    CHECK(bounds.front() == 0);
    CHECK(bounds.back() == layout.sequences());
    CHECK(std::is_sorted(bounds.begin(), bounds.end(), std::less_equal<>()));
    const Index count = static_cast<Index>(bounds.size()) - 1;
    CHECK(count <= parts);
    CHECK((count == 1 || count <= layout.sequences() / min_rows));
    CHECK((count == 1 || layout.rows() * cost / count >= Index{1} << 24));
    // No shard has more than its share and one sequence beside.
    std::vector<Index> sorted = layout.lengths();
    std::sort(sorted.rbegin(), sorted.rend());
    for (Index i = 0; i < count; ++i) {
      const Index work =
          std::accumulate(sorted.begin() + bounds[i], sorted.begin() + bounds[i + 1], Index{0});
      CHECK(work <= layout.rows() / count + 2 * steps.steps);
    }
  }
}

TEST_CASE("even shards cover a range once, in multiples, about equal") {
  for (Index n : {0, 1, 7, 8, 64, 100, 1000})
    for (Index parts : {1, 2, 3, 7, 200})
      for (Index multiple : {1, 8, 16}) {
        const std::vector<Index> bounds = kernels::even_shards(n, parts, multiple);
        CHECK(bounds.front() == 0);
        CHECK(bounds.back() == n);
        REQUIRE(bounds.size() >= 2);
        CHECK(static_cast<Index>(bounds.size()) - 1 <= parts);
        for (std::size_t i = 0; i + 1 < bounds.size(); ++i) {
          CHECK(bounds[i] % multiple == 0);
          const Index size = bounds[i + 1] - bounds[i];
          CHECK((n == 0 || size > 0));
          CHECK(size <= n / (static_cast<Index>(bounds.size()) - 1) + 2 * multiple);
        }
      }
}

TEST_CASE("each shard is processed once") {
  const std::vector<Index> bounds = kernels::even_shards(1000, 5, 8);
  std::vector<std::atomic<int>> seen(1000);
  kernels::each_shard(bounds, [&](Index lo, Index hi) {
    for (Index i = lo; i < hi; ++i) ++seen[i];
  });
  for (const auto& n : seen) CHECK(n == 1);
}
