// Metrics against their definitions, computed by brute force over random predictions.
#include "examples/common/metrics.h"

#include "tests/support.h"

#include <unroll/tensor/random.h>

#include <cmath>

using namespace program;
using unroll::Generator, unroll::check_says, unroll::message_of;

namespace {

struct Case {
  Index classes;
  std::vector<Index> truth, predicted;
};

Case random_case(Generator& g) {
  Case c{2 + g.below(4), {}, {}};
  for (Index i = 1 + g.below(60); i > 0; --i) {
    c.truth.push_back(g.below(c.classes));
    c.predicted.push_back(g.below(3) > 0 ? c.truth.back() : g.below(c.classes));
  }
  return c;
}

Confusion confusion_of(const Case& c) {
  Confusion out(c.classes);
  for (std::size_t i = 0; i < c.truth.size(); ++i) out.add(c.truth[i], c.predicted[i]);
  return out;
}

double count(const Case& c, Index truth, Index predicted) {
  double n = 0;
  for (std::size_t i = 0; i < c.truth.size(); ++i)
    n += (truth < 0 || c.truth[i] == truth) && (predicted < 0 || c.predicted[i] == predicted);
  return n;
}

// Pearson's correlation of indicator vectors, summed over the classes: what Gorodkin's R_K is.
double correlation(const Case& c) {
  const auto n = static_cast<double>(c.truth.size());
  double xy = 0, xx = 0, yy = 0;
  for (Index k = 0; k < c.classes; ++k) {
    const double t = count(c, k, -1) / n, p = count(c, -1, k) / n;
    for (std::size_t i = 0; i < c.truth.size(); ++i) {
      const double x = (c.truth[i] == k) - t, y = (c.predicted[i] == k) - p;
      xy += x * y, xx += x * x, yy += y * y;
    }
  }
  return xx > 1e-12 && yy > 1e-12 ? xy / std::sqrt(xx * yy) : 0;
}

}  // namespace

TEST_CASE("accuracy, recall, specificity, F1 and MCC equal their definitions") {
  Generator g(1);
  for (int round = 0; round < 300; ++round) {
    const Case c = random_case(g);
    const Confusion m = confusion_of(c);
    const auto n = static_cast<double>(c.truth.size());
    double right = 0, f1 = 0, there = 0;
    for (Index k = 0; k < c.classes; ++k) {
      const double hit = count(c, k, k), truth = count(c, k, -1), said = count(c, -1, k);
      right += hit;
      CHECK(m.count(k, k) == hit);
      CHECK(m.recall(k) == doctest::Approx(truth > 0 ? hit / truth : 0));
      CHECK(m.specificity(k) ==
            doctest::Approx(n > truth ? (n - truth - said + hit) / (n - truth) : 0));
      if (truth > 0) ++there, f1 += 2 * hit / (truth + said);
    }
    CHECK(m.accuracy() == doctest::Approx(right / n));
    CHECK(m.macro_f1() == doctest::Approx(f1 / there));
    CHECK(m.mcc() == doctest::Approx(correlation(c)));
  }
}

TEST_CASE("two confusion matrices added are that of all examples") {
  Generator g(2);
  Case a = random_case(g), b = random_case(g);
  b.classes = a.classes = 5;
  Confusion sum = confusion_of(a);
  sum += confusion_of(b);
  a.truth.insert(a.truth.end(), b.truth.begin(), b.truth.end());
  a.predicted.insert(a.predicted.end(), b.predicted.begin(), b.predicted.end());
  CHECK(sum.mcc() == confusion_of(a).mcc());
  CHECK(sum.all() == confusion_of(a).all());
  check_says(message_of([&] { sum += Confusion(3); }), "the same 5 classes were required: got 3");
  check_says(message_of([&] { sum.add(0, 5); }), "classes in [0, 5) were required: got 0 and 5");
}

TEST_CASE("AUC is the share of correctly ordered pairs, ties counting half") {
  Generator g(3);
  for (int round = 0; round < 200; ++round) {
    std::vector<double> scores;
    std::vector<bool> positive;
    for (Index i = 1 + g.below(40); i > 0; --i) {
      scores.push_back(static_cast<double>(g.below(10)));  // many ties
      positive.push_back(g.below(2) == 1);
    }
    double pairs = 0, right = 0;
    for (std::size_t i = 0; i < scores.size(); ++i)
      for (std::size_t j = 0; j < scores.size(); ++j)
        if (positive[i] && !positive[j])
          ++pairs, right += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
    const double area = auc(scores, positive);
    if (pairs == 0)
      CHECK(std::isnan(area));
    else
      CHECK(area == doctest::Approx(right / pairs));
  }
}

TEST_CASE("McNemar's p equals the sum over all outcomes of the binomial distribution") {
  Generator g(4);
  for (int round = 0; round < 100; ++round) {
    std::vector<bool> first, second;
    for (Index i = 1 + g.below(12); i > 0; --i) {
      first.push_back(g.below(2) == 1);
      second.push_back(g.below(2) == 1);
    }
    const Comparison c = compare(first, second);
    const Index differ = c.only_first + c.only_second;
    double as_uneven = 0;
    for (Index way = 0; way < (Index{1} << differ); ++way) {
      Index ones = 0;
      for (Index bit = 0; bit < differ; ++bit) ones += (way >> bit) & 1;
      as_uneven += std::abs(2 * ones - differ) >= std::abs(c.only_first - c.only_second);
    }
    CHECK(c.p_value == doctest::Approx(as_uneven / static_cast<double>(Index{1} << differ)));
    // The mean of the differences, and its standard error.
    double mean = 0, squares = 0;
    const auto n = static_cast<double>(first.size());
    for (std::size_t i = 0; i < first.size(); ++i)
      mean += (static_cast<double>(first[i]) - static_cast<double>(second[i])) / n;
    for (std::size_t i = 0; i < first.size(); ++i) {
      const double d = static_cast<double>(first[i]) - static_cast<double>(second[i]) - mean;
      squares += d * d / n;
    }
    CHECK(c.difference == doctest::Approx(mean));
    CHECK(c.standard_error == doctest::Approx(std::sqrt(squares / n)));
  }
  // 9 of 100: (1 + 100 + ... + C(100, 9)) / 2^99.
  std::vector<bool> many(100, true), few(100, false);
  for (std::size_t i = 0; i < 9; ++i) many[i] = false, few[i] = true;
  double ways = 0;
  for (double k = 0, choose = 1; k <= 9; ++k, choose *= (101 - k) / k) ways += choose;
  CHECK(compare(many, few).p_value == doctest::Approx(ways * std::pow(0.5, 99)));
  CHECK(compare(many, many).p_value == 1);
  check_says(message_of([&] { compare(many, {true}); }), "the same examples were required");
}
