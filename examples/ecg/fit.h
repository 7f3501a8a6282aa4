// Trains a classifier, and computes its probabilities.
#pragma once

#include "examples/common/predictions.h"
#include "examples/common/training.h"
#include "examples/ecg/classifier.h"
#include "examples/ecg/labelled.h"

namespace ecg {

struct Part {
  std::vector<unroll::Tensor> steps;  // [T, D] each
  std::vector<Index> labels;

  Index size() const { return std::ssize(steps); }
  std::vector<Index> lengths() const;
  nn::Sequence batch(const std::vector<Index>& which) const;
  std::vector<Index> labels_of(const std::vector<Index>& which) const;
};
Part part_of(const Examples& examples, const std::vector<Index>& ids);

struct FitOptions {
  std::string label;
  Index epochs = 0;  // 0: as many as make 3,000 steps, at least 40
  bool class_weights = false;
  std::uint64_t seed = 1;
};

// Adam, with early stopping by the cross entropy on the validation part. With class weights, a
// class counts inversely to its number of training examples.
program::Curves fit(Classifier& model, const Part& train, const Part& validation, Index classes,
                    const FitOptions& o, program::Checkpoint& checkpoint);

program::Probabilities probabilities(const Classifier& model, const Part& part);

}  // namespace ecg
