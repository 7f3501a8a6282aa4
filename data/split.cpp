#include <unroll/data/split.h>
#include <unroll/tensor/indexing.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/reduce.h>

#include <algorithm>
#include <map>
#include <numeric>

namespace unroll::data {
namespace {

void check_parts(const Parts& p) {
  check(p.train > 0 && p.validation >= 0 && p.train + p.validation <= 1,
        "split: shares of at least 0 that add up to at most 1 were required: got train {} and "
        "validation {}",
        p.train, p.validation);
}

struct Cut {
  Index train, validation;  // how many
  Cut(Index n, const Parts& p)
      : train(static_cast<Index>(static_cast<double>(n) * p.train + 0.5)),
        validation(
            std::min(n - train, static_cast<Index>(static_cast<double>(n) * p.validation + 0.5))) {}
};

void deal(const std::vector<Index>& order, const Parts& parts, Split& out) {
  const Cut cut(static_cast<Index>(order.size()), parts);
  const auto first = order.begin(), second = first + cut.train, third = second + cut.validation;
  out.train.insert(out.train.end(), first, second);
  out.validation.insert(out.validation.end(), second, third);
  out.test.insert(out.test.end(), third, order.end());
}

std::map<Index, std::vector<Index>> by_label(const std::vector<Index>& labels, Generator& g) {
  std::map<Index, std::vector<Index>> out;
  for (Index i : g.permutation(static_cast<Index>(labels.size()))) out[labels[i]].push_back(i);
  return out;
}

Tensor training_rows(const Tensor& x, const TrainingPart& part) {
  check(x.rank() == 2, "scaler: rows [n, d] were required: got {}", x.shape());
  check(!part.indices().empty(),
        "scaler: a training part with at least one row was required: got none");
  return index_select(x, 0, part.indices());
}

}  // namespace

TrainingPart Split::training() const { return TrainingPart(train); }

Split chronological_split(Index n, const Parts& parts) {
  check_parts(parts);
  std::vector<Index> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), Index{0});
  Split out;
  deal(order, parts, out);
  return out;
}

Split random_split(Index n, const Parts& parts, Generator& generator,
                   const std::vector<Index>& labels) {
  check_parts(parts);
  check(labels.empty() || static_cast<Index>(labels.size()) == n,
        "random_split: {} labels or none were required: got {}", n, labels.size());
  Split out;
  if (labels.empty()) {
    deal(generator.permutation(n), parts, out);
  } else {
    for (const auto& [label, members] : by_label(labels, generator)) deal(members, parts, out);
  }
  return out;
}

Split group_split(const std::vector<Index>& groups, const Parts& parts, Generator& generator) {
  check_parts(parts);
  std::vector<Index> names(groups);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  Split of_groups, out;
  std::vector<Index> order;
  for (Index i : generator.permutation(static_cast<Index>(names.size()))) order.push_back(names[i]);
  deal(order, parts, of_groups);
  const auto holds = [](const std::vector<Index>& v, Index x) {
    return std::find(v.begin(), v.end(), x) != v.end();
  };
  for (Index i = 0; i < static_cast<Index>(groups.size()); ++i) {
    auto& part = holds(of_groups.train, groups[i])        ? out.train
                 : holds(of_groups.validation, groups[i]) ? out.validation
                                                          : out.test;
    part.push_back(i);
  }
  return out;
}

std::vector<Split> k_folds(const std::vector<Index>& labels, Index k, double validation,
                           Generator& generator) {
  check(k >= 2 && k <= static_cast<Index>(labels.size()),
        "k_folds: between 2 and {} folds were required: got {}", labels.size(), k);
  check(validation >= 0 && validation < 1,
        "k_folds: a validation share in [0, 1) was required: got {}", validation);
  std::vector<std::vector<Index>> folds(static_cast<std::size_t>(k));
  Index next = 0;
  for (const auto& [label, members] : by_label(labels, generator))
    for (Index i : members) folds[next++ % k].push_back(i);
  std::vector<Split> out;
  for (Index f = 0; f < k; ++f) {
    std::vector<Index> rest;
    for (Index other = 0; other < k; ++other)
      if (other != f) rest.insert(rest.end(), folds[other].begin(), folds[other].end());
    std::vector<Index> order;
    for (Index i : generator.permutation(static_cast<Index>(rest.size()))) order.push_back(rest[i]);
    Split split;
    deal(order, {1 - validation, validation}, split);
    split.test = folds[f];
    out.push_back(std::move(split));
  }
  return out;
}

StandardScaler::StandardScaler(const Tensor& x, const TrainingPart& part) {
  const Tensor rows = training_rows(x, part);
  mean_ = unroll::mean(rows, {0});
  const Tensor variance = unroll::mean(square(sub(rows, mean_)), {0});
  const Tensor zero = Tensor::scalar(0, x.dtype());
  std_ = sqrt(where(equal(variance, zero), Tensor::scalar(1, x.dtype()), variance));
}
Tensor StandardScaler::transform(const Tensor& x) const { return div(sub(x, mean_), std_); }
Tensor StandardScaler::inverse(const Tensor& z) const { return unroll::add(mul(z, std_), mean_); }

MinMaxScaler::MinMaxScaler(const Tensor& x, const TrainingPart& part) {
  const Tensor rows = training_rows(x, part);
  least_ = min(rows, {0});
  const Tensor range = sub(max(rows, {0}), least_);
  range_ = where(equal(range, Tensor::scalar(0, x.dtype())), Tensor::scalar(1, x.dtype()), range);
}
Tensor MinMaxScaler::transform(const Tensor& x) const { return div(sub(x, least_), range_); }
Tensor MinMaxScaler::inverse(const Tensor& z) const { return unroll::add(mul(z, range_), least_); }

}  // namespace unroll::data
