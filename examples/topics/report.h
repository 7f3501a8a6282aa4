// The table and picture of results, the differences of the models, and the most frequent
// confusions.
#pragma once

#include "examples/common/metrics.h"
#include "examples/topics/fit.h"

namespace topics {

struct Result {
  std::string name, features;
  program::Confusion confusion;
  std::vector<bool> right;  // for each text: whether the prediction is correct
  double seconds = 0;       // of training
  Index values = 0;         // elements of the model's parameters and buffers
};

Result result_of(const std::string& name, const program::Probabilities& probabilities,
                 const std::vector<Index>& labels, Index classes);

// Draws the accuracy of each model with its standard error, and the confusions of the best one.
// Does nothing if `path` is empty.
void draw_results(const std::vector<Result>& results, const data::Vocabulary& classes,
                  const std::string& path);

// Prints and reports the table, with the share of the most frequent class as the first row.
void print_results(const std::vector<Result>& results, const std::vector<Index>& labels,
                   const data::Vocabulary& classes, program::Report& report);

}  // namespace topics
