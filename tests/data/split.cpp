// Splits are partitions; scalers see the training part alone.
#include "tests/support.h"

#include <unroll/data/split.h>
#include <unroll/tensor/indexing.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>

using namespace unroll;
using namespace unroll::data;

namespace {

// Each of 0 .. n-1 is in one part.
void check_partition(const Split& s, Index n) {
  std::vector<Index> all = s.train;
  all.insert(all.end(), s.validation.begin(), s.validation.end());
  all.insert(all.end(), s.test.begin(), s.test.end());
  std::sort(all.begin(), all.end());
  std::vector<Index> expected(static_cast<std::size_t>(n));
  std::iota(expected.begin(), expected.end(), Index{0});
  CHECK(all == expected);
}

Parts random_parts(Generator& g) {
  const double train = 0.1 + 0.8 * g.uniform();
  return {train, (1 - train) * g.uniform()};
}

double share(const std::vector<Index>& part, const std::vector<Index>& labels, Index label) {
  const auto hits = std::count_if(part.begin(), part.end(), [&](Index i) {
    return labels[static_cast<std::size_t>(i)] == label;
  });
  return static_cast<double>(hits) / static_cast<double>(part.size());
}

std::vector<Index> random_labels(Generator& g, Index n) {
  std::vector<Index> out;
  for (Index i = 0; i < n; ++i) out.push_back(g.below(10) < 7 ? 3 : g.below(3));
  return out;
}

}  // namespace

TEST_CASE(
    "a chronological split trains on the first part, validates on the next and tests on the last") {
  Generator g(1);
  for (int round = 0; round < 200; ++round) {
    const Index n = g.below(300);
    const Parts p = random_parts(g);
    const Split s = chronological_split(n, p);
    check_partition(s, n);
    CHECK(std::abs(static_cast<double>(s.train.size()) - p.train * static_cast<double>(n)) <= 0.5);
    CHECK(std::abs(static_cast<double>(s.validation.size()) -
                   p.validation * static_cast<double>(n)) <= 1);
    std::vector<Index> order = s.train;
    order.insert(order.end(), s.validation.begin(), s.validation.end());
    order.insert(order.end(), s.test.begin(), s.test.end());
    CHECK(std::is_sorted(order.begin(), order.end()));
  }
  const Split s = chronological_split(10);
  CHECK(s.train.size() == 6);
  CHECK(s.validation.size() == 2);
  CHECK(s.test.size() == 2);
}

TEST_CASE("a random split mixes, and keeps the shares of the classes") {
  Generator g(2);
  for (int round = 0; round < 100; ++round) {
    const Index n = g.below(300);
    check_partition(random_split(n, random_parts(g), g), n);
    check_partition(random_split(n, random_parts(g), g, random_labels(g, n)), n);
  }
  const auto labels = random_labels(g, 1000);
  const Split s = random_split(1000, {0.6, 0.2}, g, labels);
  std::vector<Index> all(1000);
  std::iota(all.begin(), all.end(), Index{0});
  for (Index label : {0, 1, 2, 3})
    for (const auto* part : {&s.train, &s.validation, &s.test})
      CHECK(std::abs(share(*part, labels, label) - share(all, labels, label)) < 0.01);
  const Split plain = random_split(1000, {0.6, 0.2}, g);
  CHECK(!std::is_sorted(plain.train.begin(), plain.train.end()));
  CHECK(plain.train != random_split(1000, {0.6, 0.2}, g).train);
}

TEST_CASE("no group is in two parts, and each part has its share of the groups") {
  Generator g(3);
  for (int round = 0; round < 100; ++round) {
    const Index n = g.below(300), count = 1 + g.below(40);
    std::vector<Index> groups;
    for (Index i = 0; i < n; ++i) groups.push_back((g.below(count) - 5) * 1'000'000'007);
    const Parts p = random_parts(g);
    const Split s = group_split(groups, p, g);
    check_partition(s, n);
    std::map<Index, std::set<int>> parts_of;
    int number = 0;
    std::array<std::set<Index>, 3> groups_of;
    for (const auto* part : {&s.train, &s.validation, &s.test}) {
      for (Index i : *part) {
        const Index group = groups[static_cast<std::size_t>(i)];
        parts_of[group].insert(number);
        groups_of[static_cast<std::size_t>(number)].insert(group);
      }
      ++number;
    }
    for (const auto& [group, parts] : parts_of) CHECK(parts.size() == 1);
    CHECK(std::abs(static_cast<double>(groups_of[0].size()) -
                   p.train * static_cast<double>(parts_of.size())) <= 0.5);
  }
  // Each example a group of its own: what would take days if it were searched for one by one.
  std::vector<Index> many(1'000'000);
  std::iota(many.begin(), many.end(), Index{0});
  CHECK(group_split(many, {}, g).train.size() == 600'000);
}

TEST_CASE(
    "k folds: each example tests once, folds are of one size and have the shares of the classes") {
  Generator g(4);
  for (int round = 0; round < 100; ++round) {
    const Index n = 2 + g.below(200), k = 2 + g.below(std::min<Index>(n - 1, 9));
    const auto labels = random_labels(g, n);
    const auto folds = k_folds(labels, k, 0.2, g);
    CHECK(static_cast<Index>(folds.size()) == k);
    std::vector<int> tested(static_cast<std::size_t>(n), 0);
    for (const Split& s : folds) {
      check_partition(s, n);
      CHECK(std::abs(static_cast<double>(s.test.size()) -
                     static_cast<double>(n) / static_cast<double>(k)) < 1);
      CHECK(std::abs(static_cast<double>(s.validation.size()) -
                     0.2 * static_cast<double>(n - static_cast<Index>(s.test.size()))) <= 1);
      for (Index i : s.test) ++tested[static_cast<std::size_t>(i)];
      for (Index label : {0, 1, 2, 3}) {
        const auto whole = static_cast<double>(std::count(labels.begin(), labels.end(), label));
        CHECK(std::abs(share(s.test, labels, label) * static_cast<double>(s.test.size()) -
                       whole / static_cast<double>(k)) < 1);
      }
    }
    CHECK(std::all_of(tested.begin(), tested.end(), [](int times) { return times == 1; }));
  }
}

TEST_CASE("a scaler is fitted on the training rows only, and inverse undoes transform") {
  Generator g(5);
  for (DType dtype : {f32, f64}) {
    const double tolerance = dtype == f32 ? 1e-5 : 1e-13;
    const Tensor x =
        add(mul(g.normal({50, 4}, 0, 1, dtype), Tensor::of({1, 10, 0.1, 3}, dtype)), 5);
    const Split s = random_split(50, {0.5, 0.2}, g);
    const Tensor train = index_select(x, 0, s.train);
    const StandardScaler standard(x, s.training());
    const Tensor z = standard.transform(train);
    CHECK(max(abs(mean(z, {0}))).item() < 10 * tolerance);
    CHECK(distance(mean(square(z), {0}), Tensor::ones({4}, dtype)) < 10 * tolerance);
    CHECK(distance(standard.inverse(standard.transform(x)), x) < 30 * tolerance);
    const MinMaxScaler unit(x, s.training());
    const Tensor u = unit.transform(train);
    CHECK(distance(min(u, {0}), Tensor::zeros({4}, dtype)) < tolerance);
    CHECK(distance(max(u, {0}), Tensor::ones({4}, dtype)) < tolerance);
    CHECK(distance(unit.inverse(unit.transform(x)), x) < 30 * tolerance);
    // What stands outside of the training part changes nothing, not even NaN.
    Tensor changed = x.clone();
    for (const auto* part : {&s.validation, &s.test})
      for (Index i : *part) changed.select(0, i).fill_(i % 2 ? NAN : 1e30);
    CHECK(distance(StandardScaler(changed, s.training()).transform(x), standard.transform(x)) == 0);
    CHECK(distance(MinMaxScaler(changed, s.training()).transform(x), unit.transform(x)) == 0);
    // A batch of sequences, as of rows.
    CHECK(distance(standard.transform(x.reshape({5, 10, 4})).reshape({50, 4}),
                   standard.transform(x)) == 0);
  }
}

TEST_CASE("a scaled constant column is near 0 although its mean is rounded") {
  Generator g(6);
  for (DType dtype : {f32, f64})
    for (double value : {0.1, 0.7, -123.456, 1e-12, 3e10}) {
      const Tensor x = concat(std::vector<Tensor>{Tensor::full({777, 1}, value, dtype),
                                                  g.normal({777, 1}, 0, 1, dtype)},
                              1);
      const StandardScaler scaler(x, chronological_split(777).training());
      CHECK(scaler.std().at({0}) == 1);
      CHECK(max(abs(scaler.transform(x).select(1, 0))).item() <= 1e-6 * std::abs(value));
      CHECK(max(abs(MinMaxScaler(x, chronological_split(777).training()).transform(x).select(1, 0)))
                .item() == 0);
    }
}

TEST_CASE("columns of tiny and huge values are scaled like others") {
  Generator g(7);
  const Tensor ones = g.normal({60, 1}, 0, 1, f32);
  const TrainingPart part = chronological_split(60).training();
  const Tensor expected = StandardScaler(ones, part).transform(ones),
               unit = MinMaxScaler(ones, part).transform(ones);
  for (double size : {1e-25, 1e25, 1e37}) {
    const Tensor x = mul(ones, size);
    const StandardScaler standard(x, part);
    const MinMaxScaler to_unit(x, part);
    CHECK(standard.transform(x).dtype() == f32);
    CHECK(distance(standard.transform(x), expected) < 1e-5);
    CHECK(distance(standard.inverse(expected), x) < 1e-5 * size);
    CHECK(distance(to_unit.transform(x), unit) < 1e-5);
    CHECK(distance(to_unit.inverse(unit), x) < 1e-5 * size);
  }
  const Tensor widest = Tensor::of({{-3e38, 1}, {0, 1}, {3e38, 1}});
  const TrainingPart all = chronological_split(3, {1, 0}).training();
  CHECK(distance(MinMaxScaler(widest, all).transform(widest),
                 Tensor::of({{0, 0}, {0.5, 0}, {1, 0}})) < 1e-6);
  const Tensor beyond = Tensor::of({-1e308, 1e308, 0}, f64).reshape({3, 1});
  check_refused([&] { StandardScaler(beyond, all); },
                "scaler: columns whose spread fits f64 were required: got inf for column 0");
  check_refused([&] { MinMaxScaler(beyond, all); }, "got inf for column 0");
  check_refused([&] { StandardScaler(ones, part).transform(ones.to(f64)); }, "scaler: ");
}

TEST_CASE("shares, labels and tables that do not fit are refused with a sentence") {
  Generator g(7);
  check_refused(
      [] { chronological_split(Index{1} << 61); },
      "chronological_split: a count that fits memory was required: got 23058430092136939");
  check_refused([] { chronological_split(10, {0, 0.5}); }, "split: a share above 0 to train");
  check_refused([] { chronological_split(10, {0.8, 0.3}); }, "got 0.8 and 0.3");
  check_refused([] { chronological_split(10, {NAN, 0.3}); }, "got nan and 0.3");
  check_refused([] { chronological_split(10, {0.5, -0.1}); }, "got 0.5 and -0.1");
  check_refused([] { chronological_split(-1); },
                "chronological_split: a count of at least 0 was required: got -1");
  check_refused([&] { random_split(-1, {}, g); },
                "random_split: a number of at least 0 was required: got -1");
  check_refused(
      [&] {
        random_split(3, {}, g, {1, 2});
      },
      "random_split: 3 labels or none were required: got 2");
  check_refused(
      [&] {
        k_folds({1, 2, 3}, 4, 0, g);
      },
      "k_folds: between 2 and 3 folds were required: got 4");
  check_refused([&] { k_folds({1, 2, 3}, 1, 0, g); }, "got 1");
  check_refused(
      [&] {
        k_folds({1, 2, 3}, 2, 1, g);
      },
      "k_folds: a validation share in [0, 1) was required: got 1");
  check_refused([&] { k_folds({1, 2, 3}, 2, NAN, g); }, "got nan");
  CHECK(group_split({}, {}, g).train.empty());
  const TrainingPart part = chronological_split(5).training();
  Tensor x = Tensor::zeros({5, 3});
  check_refused([&] { StandardScaler(Tensor::zeros({5}), part); },
                "scaler: rows [n, d] were required: got [5]");
  check_refused([&] { StandardScaler(x, Split().training()); },
                "scaler: a training part with at least one row");
  check_refused(
      [&] {
        StandardScaler(Tensor::zeros({2, 3}), part);
      },
      "ids in [0, 2) were required: got 2");
  x.set({1, 2}, NAN);
  check_refused([&] { StandardScaler(x, part); },
                "scaler: finite values were required: got nan in row 1, column 2");
  x.set({1, 2}, std::numeric_limits<double>::infinity());
  check_refused([&] { MinMaxScaler(x, part); }, "got inf in row 1, column 2");
  x.set({1, 2}, 0);
  const StandardScaler scaler(x, part);
  check_refused(
      [&] {
        scaler.transform(Tensor::zeros({5, 1}));
      },
      "scaler: 3 columns were required, as it was fitted on: got [5, 1]");
  check_refused([&] { scaler.inverse(Tensor::scalar(1)); }, "got []");
  check_refused([&] { MinMaxScaler(x, part).transform(Tensor::zeros({4})); }, "got [4]");
  check_refused([&] { scaler.transform(x.to(f64)); }, "tensors of one type");
}

TEST_CASE("a scaler made from the statistics of another one equals it") {
  Generator g(11);
  for (const DType type : {f32, f64})
    for (int round = 0; round < 20; ++round) {
      Tensor x = g.normal({20, 3}, 5, 3, type);
      if (round % 2 == 0) x.narrow(1, 1, 1).fill_(4);  // a constant column
      const TrainingPart part = chronological_split(20).training();
      const StandardScaler fitted(x, part),
          again = StandardScaler::from(fitted.mean(), fitted.std());
      CHECK(distance(again.transform(x), fitted.transform(x)) == 0);
      CHECK(distance(again.inverse(x), fitted.inverse(x)) == 0);
      const MinMaxScaler unit(x, part), unit_again = MinMaxScaler::from(unit.min(), unit.max());
      CHECK(distance(unit_again.transform(x), unit.transform(x)) == 0);
      CHECK(distance(unit_again.inverse(x), unit.inverse(x)) == 0);
    }
  const Tensor two = Tensor::of({1, 2}), three = Tensor::of({1, 2, 3});
  check_refused([&] { (void)StandardScaler::from(two, three); },
                "a mean and a std of one shape [d] were required: got [2] and [3]");
  check_refused([&] { (void)StandardScaler::from(two, Tensor()); }, "got [2] and an undefined one");
  check_refused([&] { (void)StandardScaler::from(two, two.to(f64)); }, "one type");
  check_refused([&] { (void)StandardScaler::from(two, Tensor::of({1, 0})); }, "got 0 for column 1");
  check_refused(
      [&] {
        (void)StandardScaler::from(Tensor::of({NAN, 0}), two);
      },
      "finite values were required: got nan for column 0");
  check_refused(
      [&] {
        (void)MinMaxScaler::from(two, Tensor::of({3, 1}));
      },
      "got 2 and 1 for column 1");
  check_refused([&] { (void)MinMaxScaler::from(Tensor::scalar(1), Tensor::scalar(2)); }, "[d]");
}
