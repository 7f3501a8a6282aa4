// Properties and cost of bags of words and one-hot vectors.
#pragma once

#include "examples/common/report.h"

#include <unroll/data/text/vocabulary.h>

namespace representations {

using unroll::Index;

// Two orders of one sentence: the bags of words are equal, the sequences of one-hot vectors are
// not.
void compare_orders(const std::string& sentence, program::Report& report);

// All pairs of the most frequent words, as one-hot vectors: their products and distances.
void compare_pairs(const unroll::data::Vocabulary& words, program::Report& report);

// A batch of ids multiplied as one-hot vectors with a matrix, and looked up in an embedding: both
// give equal values and gradients, and differ in memory and time.
struct Sizes {
  Index vocab = 20'000, dim = 600, batch = 256;
};
void compare_costs(const std::vector<Index>& ids, const Sizes& sizes, program::Report& report);

}  // namespace representations
