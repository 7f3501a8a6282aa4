#include "examples/common/metrics.h"

#include <unroll/tensor/error.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace program {
namespace {

double ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

double log_choose(double n, double k) {
  return std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1);
}

}  // namespace

void Confusion::add(Index truth, Index predicted) {
  unroll::check(std::min(truth, predicted) >= 0 && std::max(truth, predicted) < classes_,
                "Confusion: classes in [0, {}) were required: got {} and {}", classes_, truth,
                predicted);
  ++all_;
  right_ += truth == predicted;
  ++truth_[size(truth)];
  ++predicted_[size(predicted)];
  ++counts_[{truth, predicted}];
}

Confusion& Confusion::operator+=(const Confusion& other) {
  unroll::check(classes_ == other.classes_,
                "Confusion: counts of the same {} classes were required: got {}", classes_,
                other.classes_);
  all_ += other.all_, right_ += other.right_;
  for (std::size_t c = 0; c < truth_.size(); ++c)
    truth_[c] += other.truth_[c], predicted_[c] += other.predicted_[c];
  for (const auto& [pair, n] : other.counts_) counts_[pair] += n;
  return *this;
}

Index Confusion::count(Index truth, Index predicted) const {
  const auto at = counts_.find({truth, predicted});
  return at == counts_.end() ? 0 : at->second;
}

double Confusion::accuracy() const {
  return ratio(static_cast<double>(right_), static_cast<double>(all_));
}

double Confusion::standard_error() const {
  return std::sqrt(ratio(accuracy() * (1 - accuracy()), static_cast<double>(all_)));
}

double Confusion::recall(Index c) const {
  return ratio(static_cast<double>(count(c, c)), static_cast<double>(truth_[size(c)]));
}

double Confusion::precision(Index c) const {
  return ratio(static_cast<double>(count(c, c)), static_cast<double>(predicted_[size(c)]));
}

double Confusion::specificity(Index c) const {
  const Index others = all_ - truth_[size(c)], taken = predicted_[size(c)] - count(c, c);
  return ratio(static_cast<double>(others - taken), static_cast<double>(others));
}

double Confusion::macro_f1() const {
  double sum = 0, there = 0;
  for (Index c = 0; c < classes_; ++c) {
    if (truth_[size(c)] == 0) continue;
    ++there;
    sum += ratio(2 * precision(c) * recall(c), precision(c) + recall(c));
  }
  return ratio(sum, there);
}

double Confusion::mcc() const {
  // With n examples, r of them right, t_c of class c and p_c predicted as c:
  //   (r n - sum t_c p_c) / sqrt((n^2 - sum p_c^2) (n^2 - sum t_c^2)).
  const auto n = static_cast<double>(all_), right = static_cast<double>(right_);
  double both = 0, truths = 0, predictions = 0;
  for (std::size_t c = 0; c < truth_.size(); ++c) {
    const auto t = static_cast<double>(truth_[c]), p = static_cast<double>(predicted_[c]);
    both += t * p, truths += t * t, predictions += p * p;
  }
  return ratio(right * n - both, std::sqrt((n * n - predictions) * (n * n - truths)));
}

double auc(const std::vector<double>& scores, const std::vector<bool>& positive) {
  unroll::check(scores.size() == positive.size(),
                "auc: one score for each of {} examples was required: got {}", positive.size(),
                scores.size());
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
  // Counts pairs (positive, negative) with the positive ranked higher, in order of ascending score.
  double pairs = 0, negatives = 0, positives = 0;
  for (std::size_t i = 0; i < order.size();) {
    double tied_positives = 0, tied_negatives = 0;
    const double score = scores[order[i]];
    for (; i < order.size() && scores[order[i]] == score; ++i)
      ++(positive[order[i]] ? tied_positives : tied_negatives);
    pairs += tied_positives * (negatives + tied_negatives / 2);
    negatives += tied_negatives, positives += tied_positives;
  }
  return positives > 0 && negatives > 0 ? pairs / (positives * negatives) : std::nan("");
}

Comparison compare(const std::vector<bool>& first, const std::vector<bool>& second) {
  unroll::check(first.size() == second.size(),
                "compare: the same examples were required of both models: got {} and {}",
                first.size(), second.size());
  Comparison out;
  for (std::size_t i = 0; i < first.size(); ++i) {
    out.only_first += first[i] && !second[i];
    out.only_second += second[i] && !first[i];
  }
  const auto n = static_cast<double>(first.size()), a = static_cast<double>(out.only_first),
             b = static_cast<double>(out.only_second);
  if (n == 0) return out;
  out.difference = (a - b) / n;
  out.standard_error = std::sqrt(std::max(0.0, (a + b) / n - out.difference * out.difference) / n);
  // Examples that both models, or neither, predict right are ignored. If the models are equally
  // good, the others are split between them by a binomial distribution with p = 1/2.
  double tail = 0;
  for (double k = 0; k <= std::min(a, b); ++k)
    tail += std::exp(log_choose(a + b, k) - (a + b) * std::log(2.0));
  out.p_value = std::min(1.0, 2 * tail);
  return out;
}

}  // namespace program
