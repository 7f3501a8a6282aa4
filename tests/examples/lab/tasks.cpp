// The targets of each task follow from its inputs, in random batches.
#include "examples/lab/common/tasks.h"

#include <doctest/doctest.h>

#include <unroll/unroll.h>

#include <algorithm>
#include <map>
#include <set>

namespace {

using unroll::Index;
using Ids = std::vector<Index>;

// The ids of sequence b, in order of time.
Ids ids_of(const lab::Batch& batch, Index b) {
  Ids out;
  const unroll::IndexTensor rows = batch.ids.layout.rows_of(b);
  for (Index t = 0; t < rows.numel(); ++t) out.push_back(batch.ids.ids[rows[t]]);
  return out;
}

// What a task asks of one sequence: the targets of its scored steps.
struct Asked {
  Ids steps, targets;
};
Asked asked_of(const lab::Batch& batch, Index b) {
  Asked out;
  const unroll::IndexTensor sequence = batch.ids.layout.sequence_of_rows(),
                            time = batch.ids.layout.time_of_rows();
  for (Index k = 0; k < batch.scored.numel(); ++k)
    if (sequence[batch.scored[k]] == b) {
      out.steps.push_back(time[batch.scored[k]]);
      out.targets.push_back(batch.targets[k]);
    }
  return out;
}

Ids from_to(Index first, Index end) {
  Ids out;
  for (Index t = first; t < end; ++t) out.push_back(t);
  return out;
}
Ids part(const Ids& ids, Index first, Index count) {
  return {ids.begin() + first, ids.begin() + first + count};
}
Ids below(const Ids& ids, Index limit) {
  Ids out;
  std::copy_if(ids.begin(), ids.end(), std::back_inserter(out),
               [&](Index id) { return id < limit; });
  return out;
}

// Checks each sequence of random batches, of random sizes.
template <class Draw, class Check>
void each(const Draw& draw, const Check& check) {
  unroll::Generator random(7);
  for (int repetition = 0; repetition < 20; ++repetition) {
    const Index sequences = 1 + random.below(5);
    // Two sizes of the task from 2 to 10.
    const Index n = 2 + random.below(9), m = 2 + random.below(9);
    const lab::Batch batch = draw(sequences, n, m, random);
    REQUIRE(batch.ids.size() == sequences);
    REQUIRE(batch.scored.numel() == batch.targets.numel());
    for (Index b = 0; b < sequences; ++b) {
      CAPTURE(n);
      CAPTURE(m);
      CAPTURE(b);
      check(ids_of(batch, b), asked_of(batch, b), n, m);
    }
  }
}

}  // namespace

TEST_CASE("adding: two rows are marked, one in each half, and the target is their sum") {
  unroll::Generator random(3);
  for (const Index steps : {2, 3, 10, 51}) {
    const lab::Batch batch = lab::adding(8, steps, random);
    for (Index b = 0; b < 8; ++b) {
      const unroll::Tensor rows = batch.values.at(b).value();  // [T, 2]
      double sum = 0;
      int marks_of_first_half = 0, marks = 0;
      for (Index t = 0; t < steps; ++t) {
        const double value = rows.at({t, 0}), mark = rows.at({t, 1});
        CHECK((mark == 0 || mark == 1));
        CHECK((value >= 0 && value < 1));
        sum += value * mark;
        marks += mark == 1, marks_of_first_half += mark == 1 && t < steps / 2;
      }
      CHECK(marks == 2);
      CHECK(marks_of_first_half == 1);
      CHECK(batch.numbers.at({b, 0}) == doctest::Approx(sum));
      CHECK(batch.scored[b] == batch.values.layout.row(b, steps - 1));
    }
  }
}

TEST_CASE("adding: always predicting 1 has a squared error of 1/6") {
  unroll::Generator random(4);
  const lab::Batch batch = lab::adding(20000, 4, random);
  const unroll::Tensor error = batch.numbers - 1;
  CHECK(mean(error * error).item() == doctest::Approx(1.0 / 6).epsilon(0.03));
}

TEST_CASE("recall: the target of the last step is the first id, which occurs only there") {
  each([](Index b, Index gap, Index symbols,
          auto& random) { return lab::recall(b, gap, symbols, random); },
       [](const Ids& ids, const Asked& asked, Index gap, Index symbols) {
         CHECK(ids.size() == static_cast<std::size_t>(gap + 2));
         CHECK(asked.steps == Ids{gap + 1});
         CHECK(asked.targets == below(ids, symbols));
         CHECK(asked.targets == Ids{ids[0]});
         CHECK(ids.back() == lab::recall_ids(symbols) - 1);
       });
}

TEST_CASE("copy: the targets of the last steps are the first ids, and what is between is equal") {
  each([](Index b, Index gap, Index length,
          auto& random) { return lab::copy(b, gap, length, 6, random); },
       [](const Ids& ids, const Asked& asked, Index gap, Index length) {
         CHECK(ids.size() == static_cast<std::size_t>(gap + 2 * length));
         CHECK(asked.steps == from_to(gap + length, gap + 2 * length));
         CHECK(asked.targets == part(ids, 0, length));
         CHECK(asked.targets == below(ids, 6));
         CHECK(part(ids, length, gap) == Ids(static_cast<std::size_t>(gap), 6));
         CHECK(ids[static_cast<std::size_t>(gap + length)] == lab::copy_ids(6) - 1);
       });
}

TEST_CASE("parity: a target is the number of ones so far, modulo 2") {
  const auto check = [](const Ids& ids, const Asked& asked) {
    CHECK(below(ids, lab::kBits) == ids);
    for (std::size_t k = 0; k < asked.steps.size(); ++k) {
      const Ids so_far = part(ids, 0, asked.steps[k] + 1);
      CHECK(asked.targets[k] == std::count(so_far.begin(), so_far.end(), 1) % 2);
    }
  };
  each([](Index b, Index more, Index first,
          auto& random) { return lab::parity(b, first + more, first, random); },
       [&](const Ids& ids, const Asked& asked, Index more, Index first) {
         CHECK(asked.steps == from_to(first, first + more));
         check(ids, asked);
       });
  Ids seen;
  each([](Index b, Index longest, Index,
          auto& random) { return lab::parity_of_lengths(b, longest, random); },
       [&](const Ids& ids, const Asked& asked, Index longest, Index) {
         const auto length = static_cast<Index>(ids.size());
         CHECK((length >= 1 && length <= longest));
         CHECK(asked.steps == from_to(0, length));
         check(ids, asked);
         seen.push_back(length);
       });
  CHECK(*std::max_element(seen.begin(), seen.end()) > *std::min_element(seen.begin(), seen.end()));
}

TEST_CASE("copying from places: the targets are the ids that are not blank, in order") {
  using Draw = lab::Batch (*)(Index, Index, Index, Index, unroll::Generator&);
  std::map<std::pair<Index, Index>, std::set<Ids>> patterns[2];  // by sizes
  const Draw draws[]{lab::selective_copy, lab::spread_copy};
  for (const int which : {0, 1})
    each([&](Index b, Index more, Index length,
             auto& random) { return draws[which](b, length + more, length, 5, random); },
         [&](const Ids& ids, const Asked& asked, Index more, Index length) {
           const Index steps = length + more;
           CHECK(ids.size() == static_cast<std::size_t>(steps + length));
           CHECK(asked.steps == from_to(steps, steps + length));
           CHECK(asked.targets == below(ids, 5));
           const Ids shown = part(ids, 0, steps);
           CHECK(std::count(shown.begin(), shown.end(), 5) == more);
           CHECK(part(ids, steps, length) == Ids(static_cast<std::size_t>(length), 6));
           Ids blanks = shown;
           for (Index& id : blanks) id = id == 5;
           patterns[which][{more, length}].insert(blanks);
         });
  bool differ = false;
  for (const auto& of_size : patterns[0]) differ = differ || of_size.second.size() > 1;
  CHECK(differ);  // random places
  for (const auto& of_size : patterns[1]) CHECK(of_size.second.size() == 1);
}

TEST_CASE("induction: the special id occurs once before the end, and the target followed it") {
  each([](Index b, Index steps, Index symbols,
          auto& random) { return lab::induction(b, steps, symbols, random); },
       [](const Ids& ids, const Asked& asked, Index steps, Index symbols) {
         CHECK(ids.size() == static_cast<std::size_t>(steps + 1));
         CHECK(asked.steps == Ids{steps});
         const auto special = std::find(ids.begin(), ids.end(), symbols);
         REQUIRE(std::count(ids.begin(), ids.end(), symbols) == 2);
         CHECK(ids.back() == symbols);
         CHECK(asked.targets == Ids{*(special + 1)});
         CHECK(asked.targets[0] < symbols);
       });
}

TEST_CASE("tasks: impossible sizes are refused") {
  unroll::Generator random;
  CHECK_THROWS_AS(lab::adding(1, 1, random), std::invalid_argument);
  CHECK_THROWS_AS(lab::parity(1, 4, 4, random), std::invalid_argument);
  CHECK_THROWS_AS(lab::selective_copy(1, 3, 4, 2, random), std::invalid_argument);
  CHECK_THROWS_AS(lab::induction(1, 1, 2, random), std::invalid_argument);
}
