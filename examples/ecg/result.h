// The table of a classification: networks of several seeds, their mean, and the nearest neighbour.
#pragma once

#include "examples/common/metrics.h"
#include "examples/common/predictions.h"
#include "examples/ecg/labelled.h"

namespace ecg {

struct Result {
  Index classes = 0;
  program::Confusion confusion{0};
  std::vector<bool> right;  // for each example
};
Result result_of(const std::vector<Index>& predicted, const std::vector<Index>& labels,
                 Index classes);
std::vector<Index> predicted_by(const program::Probabilities& probabilities);

// The mean of the probabilities of several networks.
program::Probabilities mean_of(const std::vector<program::Probabilities>& all);

struct Results {
  std::string network;             // its title: "GRU"
  std::vector<Result> seeds = {};  // of each network
  Result together = {};            // of the mean of their probabilities
  Result nearest = {};             // no predictions: there is no training part (--load)
};
// Prints and reports accuracy, macro_recall and macro_f1 (the mean of the seeds), those of the
// nearest neighbour and of the networks together, the recall of each class, and which is best.
void print_results(const Results& results, const std::vector<std::string>& classes,
                   program::Report& report);

}  // namespace ecg
