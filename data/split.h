// Splits of examples into training, validation and test parts, and scalers fitted on the training
// part only. All functions throw std::invalid_argument if shares, labels or shapes do not fit.
#pragma once

#include <unroll/tensor/random.h>
#include <unroll/tensor/tensor.h>

#include <string>
#include <vector>

namespace unroll::data {

class TrainingPart;

// Indices of examples; each index is in one part.
struct Split {
  std::vector<Index> train, validation, test;
  TrainingPart training() const;
};

// The examples that a scaler may be fitted on. Only a Split creates one, so a scaler cannot be
// fitted on validation or test data by mistake.
class TrainingPart {
 public:
  const std::vector<Index>& indices() const { return indices_; }

 private:
  friend struct Split;
  explicit TrainingPart(std::vector<Index> indices) : indices_(std::move(indices)) {}
  std::vector<Index> indices_;
};

struct Parts {
  double train = 0.6, validation = 0.2;  // shares; the rest is for testing
};
// 0 .. n-1 in order of time: the first part trains, the last one tests.
Split chronological_split(Index n, const Parts& parts = {});
// Shuffled. If classes are given (one label per example), each part has the same share of each
// class.
Split random_split(Index n, const Parts& parts, Generator& generator,
                   const std::vector<Index>& labels = {});
// No group (patient, document, ...) is in two parts.
Split group_split(const std::vector<Index>& groups, const Parts& parts, Generator& generator);
// k folds of about equal size and class shares, from one label per example. In split i, fold i is
// for testing; of the others, a share `validation` is for validation and the rest for training.
std::vector<Split> k_folds(const std::vector<Index>& labels, Index k, double validation,
                           Generator& generator);

// Maps each column to (x - mean) / std, with mean and std of the training part. Constant columns
// get a std of 1.
class StandardScaler {
 public:
  // x [n, d]. Fitted on the rows of the training part, which must be finite.
  StandardScaler(const Tensor& x, const TrainingPart& part);
  // From the mean and std [d] of a scaler fitted before, for example one stored with a model.
  // Throws unless both are finite, of one dtype, and each std is above 0.
  static StandardScaler from(const Tensor& mean, const Tensor& std);
  Tensor transform(const Tensor& x) const;      // [.., d] -> [.., d]; computed in f64
  Tensor inverse(const Tensor& z) const;        // inverse of transform
  const Tensor& mean() const { return mean_; }  // [d]
  const Tensor& std() const { return std_; }

 private:
  StandardScaler() = default;
  Tensor mean_, std_;
};

// Maps each column to [0, 1], from the min to the max of the training part. Constant columns become
// 0.
class MinMaxScaler {
 public:
  // x [n, d]. Fitted on the rows of the training part, which must be finite.
  MinMaxScaler(const Tensor& x, const TrainingPart& part);
  // From the min and max [d] of a scaler fitted before. Throws unless both are finite, of one
  // dtype, and no min is above its max.
  static MinMaxScaler from(const Tensor& min, const Tensor& max);
  Tensor transform(const Tensor& x) const;  // [.., d]
  Tensor inverse(const Tensor& z) const;
  const Tensor& min() const { return min_; }  // [d]
  const Tensor& max() const { return max_; }

 private:
  MinMaxScaler(const Tensor& min, const Tensor& max);
  Tensor min_, max_;
  Tensor range_;  // f64, since the range of f32 values may not fit f32
};

}  // namespace unroll::data
