// Which examples train, which stop, which test. And scalers, which see the training part alone.
#pragma once

#include <unroll/tensor/random.h>
#include <unroll/tensor/tensor.h>

#include <string>
#include <vector>

namespace unroll::data {

class TrainingPart;

struct Split {
  std::vector<Index> train, validation, test;
  TrainingPart training() const;
};

// The examples that a scaler may be fitted on. Only a Split gives one out, so that fitting on the
// future cannot be written down.
class TrainingPart {
 public:
  const std::vector<Index>& indices() const { return indices_; }

 private:
  friend struct Split;
  explicit TrainingPart(std::vector<Index> indices) : indices_(std::move(indices)) {}
  std::vector<Index> indices_;
};

struct Parts {
  double train = 0.6, validation = 0.2;  // the rest tests
};
// 0 .. n-1 in order of time: the past trains, the future tests.
Split chronological_split(Index n, const Parts& parts = {});
// Shuffled; classes (one label for each example, or none) keep their shares in each part.
Split random_split(Index n, const Parts& parts, Generator& generator,
                   const std::vector<Index>& labels = {});
// No group (patient, document, ...) is in two parts.
Split group_split(const std::vector<Index>& groups, const Parts& parts, Generator& generator);
// k folds of about equal size and class shares; fold i tests, a part `validation` of the others
// stops, the rest trains.
std::vector<Split> k_folds(const std::vector<Index>& labels, Index k, double validation,
                           Generator& generator);

// (x - mean) / std of each column, as the training part has them. A constant column keeps a std
// of 1.
class StandardScaler {
 public:
  // x [n, d]; the rows of the training part count, and must be finite.
  StandardScaler(const Tensor& x, const TrainingPart& part);
  Tensor transform(const Tensor& x) const;  // [.., d]
  Tensor inverse(const Tensor& z) const;
  const Tensor& mean() const { return mean_; }  // [d]
  const Tensor& std() const { return std_; }

 private:
  Tensor mean_, std_;
};

// To [0, 1] between the least and the largest of the training part.
class MinMaxScaler {
 public:
  MinMaxScaler(const Tensor& x, const TrainingPart& part);
  Tensor transform(const Tensor& x) const;
  Tensor inverse(const Tensor& z) const;

 private:
  Tensor least_, range_;
};

}  // namespace unroll::data
