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
  // From the mean and std [d] of a scaler that was fitted before, as a model that is shipped keeps
  // them. Throws unless both are finite, of one type, and each std above 0.
  static StandardScaler from(const Tensor& mean, const Tensor& std);
  Tensor transform(const Tensor& x) const;      // [.., d]; in f64 inside, of x's type
  Tensor inverse(const Tensor& z) const;        // transform's
  const Tensor& mean() const { return mean_; }  // [d]
  const Tensor& std() const { return std_; }

 private:
  StandardScaler() = default;
  Tensor mean_, std_;
};

// To [0, 1] between the smallest and the largest of the training part. A constant column goes to 0.
class MinMaxScaler {
 public:
  // x [n, d]; the rows of the training part count, and must be finite.
  MinMaxScaler(const Tensor& x, const TrainingPart& part);
  // From the min and max [d] of a scaler that was fitted before. Throws unless both are finite, of
  // one type, and no min above its max.
  static MinMaxScaler from(const Tensor& min, const Tensor& max);
  Tensor transform(const Tensor& x) const;  // [.., d]
  Tensor inverse(const Tensor& z) const;
  const Tensor& min() const { return min_; }  // [d]
  const Tensor& max() const { return max_; }

 private:
  MinMaxScaler(const Tensor& min, const Tensor& max);
  Tensor min_, max_;
  Tensor range_;  // in f64: that of f32 numbers may be too large for f32
};

}  // namespace unroll::data
