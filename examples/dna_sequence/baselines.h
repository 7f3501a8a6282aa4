// What anybody can answer without a network.
#pragma once

#include "examples/dna_sequence/examples.h"

#include <unroll/data/split.h>

namespace dna {

// Both learn from the training and the validation part, having nothing to stop early, and answer
// with a class for each sequence of the test part.

// Always the most frequent class.
std::vector<Index> majority(const Examples& e, const unroll::data::Split& split);

// P(class) times the product over the positions of P(base there | class), by counts that begin
// at 1. The sequences have one length.
std::vector<Index> naive_bayes(const Examples& e, const unroll::data::Split& split);

}  // namespace dna
