#include <unroll/data/split.h>
#include <unroll/tensor/indexing.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/reduce.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace unroll::data {
namespace {

void check_parts(const Parts& p) {
  check(
      p.train > 0 && p.validation >= 0 && p.train + p.validation <= 1,
      "split: a share above 0 to train and one of at least 0 to validate, at most 1 together, were "
      "required: got {} and {}",
      p.train, p.validation);
}

// The number of examples for a share of n.
Index share_of(Index n, double share) { return std::llround(static_cast<double>(n) * share); }

struct Cut {
  Index train, validation;  // numbers of examples
  Cut(Index n, const Parts& p)
      : train(share_of(n, p.train)), validation(std::min(n - train, share_of(n, p.validation))) {}
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

// The training rows, in f64.
Tensor training_rows(const Tensor& x, const TrainingPart& part) {
  check(x.rank() == 2, "scaler: rows [n, d] were required: got {}", x.shape());
  check(!part.indices().empty(),
        "scaler: a training part with at least one row was required: got none");
  Tensor rows = index_select(x, 0, part.indices()).to(f64);
  if (all_finite(rows)) return rows;
  // A single missing value would make its whole column NaN.
  for (Index i = 0; i < rows.shape()[0]; ++i)
    for (Index j = 0; j < rows.shape()[1]; ++j)
      check(std::isfinite(rows.at({i, j})),
            "scaler: finite values were required: got {} in row {}, column {}", rows.at({i, j}),
            part.indices()[static_cast<std::size_t>(i)], j);
  return rows;
}

// Constant columns are not scaled, so they get 1. A spread of 0 or infinity in other columns, after
// rounding to `dtype`, is refused: it would erase the column.
Tensor one_where_constant(const Tensor& spread, const Tensor& range, DType dtype) {
  const auto number = [&](double v) { return Tensor::scalar(v, f64); };
  Tensor out = where(equal(range, number(0)), number(1), spread).to(dtype);
  for (Index j = 0; j < out.numel(); ++j)
    check(out.at({j}) > 0 && std::isfinite(out.at({j})),
          "scaler: columns whose spread fits {} were required: got {} for column {}",
          name_of(dtype), out.at({j}), j);
  return out;
}

// x in f64. The check prevents a single column from being broadcast.
Tensor checked(const Tensor& x, const Tensor& like) {
  check(x.rank() >= 1 && x.shape().back() == like.numel(),
        "scaler: {} columns were required, as it was fitted on: got {}", like.numel(), x.shape());
  check_same_dtype("scaler", like, x);
  return x.to(f64);
}

// The parameters of a scaler: two rows of finite values, one per column.
void check_columns(const Tensor& a, const Tensor& b, const char* what) {
  check(a.defined() && b.defined() && a.rank() == 1 && a.shape() == b.shape() && a.numel() > 0,
        "scaler: {} of one shape [d] were required: got {} and {}", what,
        a.defined() ? a.shape().str() : "an undefined one",
        b.defined() ? b.shape().str() : "an undefined one");
  check_same_dtype("scaler", a, b);
  for (const Tensor* t : {&a, &b})
    for (Index j = 0; j < t->numel(); ++j)
      check(std::isfinite(t->at({j})),
            "scaler: {} of finite values were required: got {} for column {}", what, t->at({j}), j);
}

// (x - from) / by and its inverse, in f64: in f32 the difference could overflow.
Tensor scaled(const Tensor& x, const Tensor& from, const Tensor& by) {
  return div(sub(checked(x, from), from.to(f64)), by.to(f64)).to(from.dtype());
}
Tensor unscaled(const Tensor& z, const Tensor& from, const Tensor& by) {
  return unroll::add(mul(checked(z, from), by.to(f64)), from.to(f64)).to(from.dtype());
}

}  // namespace

TrainingPart Split::training() const { return TrainingPart(train); }

Split chronological_split(Index n, const Parts& parts) {
  check_parts(parts);
  Split out;
  deal(counted_indices("chronological_split", n), parts, out);
  return out;
}

Split random_split(Index n, const Parts& parts, Generator& generator,
                   const std::vector<Index>& labels) {
  check_parts(parts);
  check(n >= 0, "random_split: a number of at least 0 was required: got {}", n);
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
  const Cut cut(static_cast<Index>(names.size()), parts);
  // The position of a group in a random order determines its part.
  const std::vector<Index> place = generator.permutation(static_cast<Index>(names.size()));
  Split out;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const auto name = std::lower_bound(names.begin(), names.end(), groups[i]) - names.begin();
    const Index at = place[static_cast<std::size_t>(name)];
    auto& part = at < cut.train                    ? out.train
                 : at < cut.train + cut.validation ? out.validation
                                                   : out.test;
    part.push_back(static_cast<Index>(i));
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
  const Tensor rows = training_rows(x, part), mean = unroll::mean(rows, {0});
  const Tensor variance = unroll::mean(square(sub(rows, mean)), {0});
  mean_ = mean.to(x.dtype());
  // Rounding can give a constant column a small variance, but its range is exactly 0.
  std_ = one_where_constant(sqrt(variance), sub(max(rows, {0}), min(rows, {0})), x.dtype());
}
Tensor StandardScaler::transform(const Tensor& x) const { return scaled(x, mean_, std_); }
Tensor StandardScaler::inverse(const Tensor& z) const { return unscaled(z, mean_, std_); }

StandardScaler StandardScaler::from(const Tensor& mean, const Tensor& std) {
  check_columns(mean, std, "a mean and a std");
  for (Index j = 0; j < std.numel(); ++j)
    check(std.at({j}) > 0,
          "scaler: a std above 0 was required of each column: got {} for column {}", std.at({j}),
          j);
  StandardScaler out;
  out.mean_ = mean.clone(), out.std_ = std.clone();
  return out;
}

MinMaxScaler::MinMaxScaler(const Tensor& x, const TrainingPart& part)
    : MinMaxScaler(unroll::min(training_rows(x, part), {0}).to(x.dtype()),
                   unroll::max(training_rows(x, part), {0}).to(x.dtype())) {}

MinMaxScaler::MinMaxScaler(const Tensor& min, const Tensor& max) : min_(min), max_(max) {
  const Tensor range = sub(max.to(f64), min.to(f64));
  range_ = one_where_constant(range, range, f64);
}

MinMaxScaler MinMaxScaler::from(const Tensor& min, const Tensor& max) {
  check_columns(min, max, "a min and a max");
  for (Index j = 0; j < min.numel(); ++j)
    check(min.at({j}) <= max.at({j}),
          "scaler: a min of at most the max was required of each column: got {} and {} for column "
          "{}",
          min.at({j}), max.at({j}), j);
  return {min.clone(), max.clone()};
}

Tensor MinMaxScaler::transform(const Tensor& x) const { return scaled(x, min_, range_); }
Tensor MinMaxScaler::inverse(const Tensor& z) const { return unscaled(z, min_, range_); }

}  // namespace unroll::data
