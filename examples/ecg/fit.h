// Trains a classifier, and computes its probabilities.
#pragma once

#include "examples/common/predictions.h"
#include "examples/common/training.h"
#include "examples/ecg/augment.h"
#include "examples/ecg/classifier.h"
#include "examples/ecg/labelled.h"

namespace ecg {

struct Part {
  Examples examples;
  std::vector<Index> labels;
  Reading reading;

  Index size() const { return std::ssize(examples); }
  std::vector<Index> lengths() const;
  nn::Sequence batch(const std::vector<Index>& which) const;
  // Of random variants of the examples.
  nn::Sequence varied_batch(const std::vector<Index>& which, const Augmentation& augmentation,
                            unroll::Generator& random) const;
  std::vector<Index> labels_of(const std::vector<Index>& which) const;
};

struct FitOptions {
  std::string label;
  Index epochs = 0;  // 0: as many as make 3,000 steps, at least 40
  // A class with n examples has the weight n^-weighting in the loss.
  double weighting = 0.5;
  Augmentation augmentation = {};
  std::uint64_t seed = 1;
};

// Adam, with smoothed labels, and early stopping by the cross entropy on the validation part.
program::Curves fit(Classifier& model, const Part& train, const Part& validation, Index classes,
                    const FitOptions& o, program::Checkpoint& checkpoint);

program::Probabilities probabilities(const Classifier& model, const Part& part);

}  // namespace ecg
