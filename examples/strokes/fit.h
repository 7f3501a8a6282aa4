// Trains a classifier on a task.
#pragma once

#include "examples/common/predictions.h"
#include "examples/common/training.h"
#include "examples/strokes/classifier.h"
#include "examples/strokes/task.h"

namespace strokes {

struct FitOptions {
  std::string label;
  Index epochs = 0, patience = 0;
  double rate = 0, decay = 1;  // the learning rate, and its factor after each epoch
  std::uint64_t seed = 1;
};

// Trains on examples that task.draw gives anew in each epoch; keeps the epoch with the best loss on
// the validation part.
program::Curves fit(Classifier& model, const Task& task, const FitOptions& o,
                    program::Checkpoint* checkpoint);

// The probability of each class, for each example; empty for those not done after Ctrl-C.
program::Probabilities probabilities(const Classifier& model, const Part& part);
std::vector<Index> predicted_by(const program::Probabilities& p);  // the most probable classes

}  // namespace strokes
