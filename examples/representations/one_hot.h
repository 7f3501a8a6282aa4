// What a bag of words and one-hot vectors keep of a text and what they cost, as figures.
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

// A batch of ids through one-hot vectors and a matrix, and through an embedding: equal values and
// gradients, and what both take in memory and time.
struct Sizes {
  Index vocab = 20'000, dim = 600, batch = 256;
};
void compare_costs(const std::vector<Index>& ids, const Sizes& sizes, program::Report& report);

}  // namespace representations
