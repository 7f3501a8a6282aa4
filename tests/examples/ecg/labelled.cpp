// Labelled series, their nearest neighbours, and beats.
#include "examples/ecg/labelled.h"
#include "examples/ecg/augment.h"
#include "examples/ecg/beats.h"
#include "examples/ecg/neighbour.h"
#include "examples/ecg/result.h"
#include "tests/examples/ecg/records.h"

using namespace ecg;

TEST_CASE("series are standardised one by one, and a constant one is zero") {
  const Folder folder;
  const Examples all = read_series(folder.write("a", "1,1,3,5\n2,7,7,7\n"));
  CHECK(all[0].values[0] == doctest::Approx(-std::sqrt(1.5)));
  CHECK(all[0].values[1] == doctest::Approx(0));
  CHECK(all[1].values == Values{0, 0, 0});
}

TEST_CASE("time steps read overlapping values, and the last one reads the end") {
  unroll::Generator g(3);
  for (int round = 0; round < 50; ++round) {
    const Reading reading{.samples = 1 + g.below(9), .stride = 1 + g.below(4)};
    Example e{.values = {}, .extra = {7, -7}};
    const Index n = 1 + g.below(40);
    for (Index t = 0; t < n; ++t) e.values.push_back(static_cast<double>(t));
    const unroll::Tensor steps = e.steps(reading);
    CHECK(steps.size(1) == reading.samples + 2);
    const Index last = steps.size(0) - 1;
    CHECK(last * reading.stride + reading.samples >= n);
    if (last > 0) CHECK((last - 1) * reading.stride + reading.samples < n);
    for (Index s = 0; s <= last; ++s) {
      for (Index k = 0; k < reading.samples; ++k)
        CHECK(steps.at({s, k}) == static_cast<double>(std::min(s * reading.stride + k, n - 1)));
      CHECK(steps.at({s, reading.samples}) == 7);
      CHECK(steps.at({s, reading.samples + 1}) == -7);
    }
  }
}

TEST_CASE("a variant of a series has its length, its ends and its order in time") {
  unroll::Generator g(4);
  for (const Index n : {1, 2, 7, 100}) {
    Values line;
    for (Index t = 0; t < n; ++t) line.push_back(static_cast<double>(t));
    const Values warped = varied(line, {.warp = 0.5, .scale = 0, .jitter = 0}, g);
    REQUIRE(std::ssize(warped) == n);
    CHECK(warped.front() == 0);
    CHECK(warped.back() == doctest::Approx(line.back()));
    for (std::size_t t = 1; t < warped.size(); ++t) CHECK(warped[t] > warped[t - 1]);
    const Values same = varied(line, {.warp = 0, .scale = 0, .jitter = 0}, g);
    for (std::size_t t = 0; t < line.size(); ++t) CHECK(same[t] == doctest::Approx(line[t]));
  }
  // Noise has the stated size, and all values have one factor.
  const Values ones(20'000, 1.0), noisy = varied(ones, {.warp = 0, .scale = 0, .jitter = 0.3}, g);
  double squares = 0;
  for (const double v : noisy) squares += (v - 1) * (v - 1) / 20'000;
  CHECK(std::sqrt(squares) == doctest::Approx(0.3).epsilon(0.05));
  const Values scaled = varied(ones, {.warp = 0, .scale = 0.2, .jitter = 0}, g);
  CHECK(scaled.front() > 0);
  CHECK(scaled.front() == scaled.back());
  CHECK(scaled.front() != 1);
}

TEST_CASE("the nearest neighbour is that of a search over all pairs") {
  unroll::Generator g(1);
  Examples train, test;
  for (int i = 0; i < 300; ++i) {
    Example e;
    for (int t = 0; t < 12; ++t) e.values.push_back(normal(g));
    (i < 40 ? train : test).push_back(e);
  }
  const Nearest found = nearest_neighbours(train, test);
  CHECK_FALSE(found.resampled);
  REQUIRE(found.which.size() == test.size());
  for (std::size_t i = 0; i < test.size(); ++i) {
    Index best = 0;
    double least = INFINITY;
    for (std::size_t k = 0; k < train.size(); ++k) {
      double sum = 0;
      for (int t = 0; t < 12; ++t) {
        const double d = train[k].values[t] - test[i].values[t];
        sum += d * d;
      }
      if (sum < least) least = sum, best = static_cast<Index>(k);
    }
    CHECK(found.which[i] == best);
  }
}

TEST_CASE("a straight line resampled is a straight line with the same ends") {
  Values line;
  for (int i = 0; i < 7; ++i) line.push_back(2.0 * i - 3);
  for (const Index size : {2, 5, 7, 23}) {
    const Values out = resampled(line, size);
    REQUIRE(std::ssize(out) == size);
    for (Index i = 0; i < size; ++i)
      CHECK(out[static_cast<std::size_t>(i)] ==
            doctest::Approx(-3 + 12.0 * static_cast<double>(i) / static_cast<double>(size - 1)));
  }
  CHECK(resampled({5}, 3) == Values{5, 5, 5});
}

TEST_CASE("beats of a record have their class, their intervals, and a length of their own rate") {
  const Folder folder;
  for (const double rate : {100.0, 250.0, 360.0}) {
    const Heart heart{.rate = rate, .count = 30, .other = 5};
    const Examples beats = read_beats(write_record(folder, "r", heart), 1);
    REQUIRE(beats.size() == 30);
    for (int i = 0; i < 30; ++i) {
      CHECK(beats[i].label == (heart.is_other(i) ? "V" : "N"));
      CHECK(beats[i].values.size() == 81);  // 0.65 s at 125 Hz
      CHECK(std::abs(beats[i].second - heart.time_of(i)) < 1 / rate);
      if (i > 0 && heart.is_other(i))
        CHECK(beats[i].extra[0] == doctest::Approx(0.75).epsilon(0.05));
      if (i < 29 && heart.is_other(i))
        CHECK(beats[i].extra[1] == doctest::Approx(1.25).epsilon(0.05));
    }
    // The peak is a quarter of a second after the beginning.
    const auto peak = std::max_element(beats[1].values.begin(), beats[1].values.end());
    CHECK(std::abs(peak - beats[1].values.begin() - 31) <= 1);
  }
}

TEST_CASE("the most unusual beat is the one whose samples were least likely") {
  const Heart heart{.count = 20};
  const ecg::Recording recording{"r", heart.signal(), heart.rate};
  Values nll(recording.values.size(), -2.0);
  const auto at = static_cast<std::size_t>(heart.time_of(7) * heart.rate);
  for (std::size_t t = at - 10; t < at + 10; ++t) nll[t] = 1;
  const std::vector<Beat> beats = beats_of(recording, nll);
  REQUIRE(beats.size() == 20);
  const std::vector<Beat> first = most_unusual(beats, 3);
  REQUIRE(first.size() == 3);
  CHECK(std::abs(recording.seconds(first[0].peak) - heart.time_of(7)) < 0.03);
  CHECK(first[0].score == doctest::Approx((20 * 1.0 - 45 * 2.0) / 65).epsilon(0.02));
  CHECK(first[1].score == doctest::Approx(-2));
  CHECK(beats[3].rr_after == doctest::Approx(0.8).epsilon(0.03));
  CHECK(beats[0].rr_before == 0);
}

TEST_CASE("classes are in the order of their numbers, then words") {
  Examples all;
  for (const char* label : {"10", "b", "2", "-1", "a", "2"}) all.push_back({{1}, {}, label});
  CHECK(classes_of(all) == std::vector<std::string>{"-1", "2", "10", "a", "b"});
}

TEST_CASE("the mean of probabilities decides together") {
  const program::Probabilities mean = mean_of({{{0.9, 0.1}, {0.4, 0.6}}, {{0.2, 0.8}, {0.3, 0.7}}});
  CHECK(mean[0][0] == doctest::Approx(0.55));
  CHECK(predicted_by(mean) == std::vector<Index>{0, 1});
}
