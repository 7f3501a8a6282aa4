// The table of results, and what it shows.
#pragma once

#include "examples/common/metrics.h"
#include "examples/topics/fit.h"

namespace topics {

struct Result {
  std::string name, features;
  program::Confusion confusion;
  std::vector<bool> right;  // for each text
  double seconds = 0;       // to train
  Index values = 0;         // of the model
};

Result result_of(const std::string& name, const program::Probabilities& probabilities,
                 const std::vector<Index>& labels, Index classes);

// The table, with the share of the most frequent class; the winner; and the report's numbers.
void print_results(const std::vector<Result>& results, const std::vector<Index>& labels,
                   const data::Vocabulary& classes, program::Report& report);

}  // namespace topics
