// SequenceLayout: rows, places and times are inverse to each other, over random lengths.
#include "tests/support.h"

#include <unroll/tensor/sequence_layout.h>

#include <algorithm>
#include <limits>
#include <numeric>

using namespace unroll;

namespace {
std::vector<Index> random_lengths(Generator& g) {
  std::vector<Index> out;
  for (Index b = 1 + g.below(12); b > 0; --b) out.push_back(1 + g.below(g.below(2) ? 4 : 20));
  return out;
}
}  // namespace

TEST_CASE("each row belongs to one sequence and one time, and row(b, t) finds it") {
  Generator g(1);
  for (int round = 0; round < 500; ++round) {
    const auto lengths = random_lengths(g);
    const SequenceLayout layout(lengths);
    const Index longest = *std::max_element(lengths.begin(), lengths.end());
    CHECK(layout.sequences() == static_cast<Index>(lengths.size()));
    CHECK(layout.rows() == std::accumulate(lengths.begin(), lengths.end(), Index{0}));
    CHECK(layout.steps() == longest);
    CHECK(layout.lengths() == lengths);
    const IndexTensor sequence = layout.sequence_of_rows(), time = layout.time_of_rows();
    CHECK(sequence.numel() == layout.rows());
    CHECK(time.numel() == layout.rows());
    for (Index r = 0; r < layout.rows(); ++r) CHECK(layout.row(sequence[r], time[r]) == r);
    for (Index b = 0; b < layout.sequences(); ++b) {
      const Index length = lengths[static_cast<std::size_t>(b)];
      const IndexTensor rows = layout.rows_of(b);
      CHECK(rows.numel() == length);
      for (Index t = 0; t < length; ++t) {
        CHECK(rows[t] == layout.row(b, t));
        CHECK(layout.row(b, t - length) == rows[t]);
        CHECK(sequence[rows[t]] == b);
        CHECK(time[rows[t]] == t);
      }
      CHECK(layout.first_rows()[b] == rows[0]);
      CHECK(layout.last_rows()[b] == rows[length - 1]);
    }
  }
}

TEST_CASE("the rows of a time step are contiguous, longest sequence first") {
  Generator g(2);
  for (int round = 0; round < 500; ++round) {
    const auto lengths = random_lengths(g);
    const SequenceLayout layout(lengths);
    CHECK(layout.offset(0) == 0);
    CHECK(layout.offset(layout.steps()) == layout.rows());
    CHECK(static_cast<Index>(layout.offsets().size()) == layout.steps() + 1);
    for (Index t = 0; t < layout.steps(); ++t) {
      CHECK(layout.batch(t) ==
            std::count_if(lengths.begin(), lengths.end(), [&](Index l) { return l > t; }));
      CHECK(layout.offset(t + 1) - layout.offset(t) == layout.batch(t));
      for (Index i = 0; i < layout.batch(t); ++i)
        CHECK(layout.row(layout.order()[i], t) == layout.offset(t) + i);
    }
    for (Index b = 0; b < layout.sequences(); ++b) CHECK(layout.order()[layout.place()[b]] == b);
    for (Index i = 1; i < layout.sequences(); ++i) {
      const Index before = layout.order()[i - 1], after = layout.order()[i];
      const Index longer = lengths[static_cast<std::size_t>(before)];
      const Index shorter = lengths[static_cast<std::size_t>(after)];
      CHECK(
          (longer > shorter || (longer == shorter && before < after)));  // equals keep their order
    }
    CHECK(layout.is_equal() ==
          std::all_of(lengths.begin(), lengths.end(), [&](Index l) { return l == lengths[0]; }));
    CHECK(layout.is_sorted() == std::is_sorted(lengths.rbegin(), lengths.rend()));
  }
}

TEST_CASE("equal lengths are the layout of as many times the same length") {
  const SequenceLayout a = SequenceLayout::equal(3, 4), b({4, 4, 4});
  CHECK(a == b);
  CHECK(!(a == SequenceLayout({4, 4, 3})));
  CHECK(!(a == SequenceLayout()));
  CHECK(SequenceLayout() == SequenceLayout());
  CHECK(a.is_equal());
  for (Index t = 0; t < 4; ++t)
    for (Index s = 0; s < 3; ++s) CHECK(a.row(s, t) == 3 * t + s);
}

TEST_CASE("invalid lengths, sequence indices and times are refused") {
  constexpr Index kHuge = std::numeric_limits<Index>::max();
  check_refused([] { SequenceLayout(std::vector<Index>{}); },
                "sequence layout: at least one sequence was required: got none");
  check_refused(
      [] {
        SequenceLayout({2, 0, 1});
      },
      "lengths of at least 1 were required: got 0 for sequence 1");
  check_refused([] { SequenceLayout({2, -3}); }, "got -3 for sequence 1");
  check_refused([] { SequenceLayout({kHuge, 1}); }, "lengths whose sum fits 63 bits were required");
  check_refused([] { SequenceLayout({Index{1} << 50}); },
                "lengths of at most 1073741824 were required");
  check_refused([] { SequenceLayout::equal(0, 3); },
                "at least one sequence and step were required: got 0 and 3");
  const SequenceLayout layout({2, 3});
  check_refused([&] { layout.row(2, 0); }, "a sequence in [0, 2) was required: got 2");
  check_refused([&] { layout.row(-1, 0); }, "got -1");
  check_refused([&] { layout.row(0, 2); }, "a time in [-2, 2) was required for sequence 0: got 2");
  check_refused([&] { layout.row(1, -4); },
                "a time in [-3, 3) was required for sequence 1: got -4");
  check_refused([&] { layout.rows_of(5); }, "a sequence in [0, 2) was required: got 5");
  check_refused([&] { (void)layout.offset(4); }, "a step in [0, 3] was required: got 4");
  check_refused([&] { (void)layout.offset(-1); }, "got -1");
  check_refused([&] { (void)layout.batch(3); }, "a step in [0, 2] was required: got 3");
  check_refused([&] { (void)layout.batch(kHuge); }, "got 9223372036854775807");
  check_refused([] { SequenceLayout::equal(Index{1} << 61, 1); },
                "sequence layout: a count that fits memory was required");
  const SequenceLayout none;
  for (const auto& f : std::vector<std::function<void()>>{
           [&] { (void)none.rows(); }, [&] { (void)none.row(0, 0); }, [&] { (void)none.order(); },
           [&] { (void)none.lengths(); }, [&] { (void)none.last_rows(); },
           [&] { (void)none.is_equal(); }, [&] { (void)none.offset(0); },
           [&] { (void)none.batch(0); }, [&] { (void)none.time_of_rows(); }})
    check_refused(f, "got an undefined layout");
}
