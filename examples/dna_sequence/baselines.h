// Baselines without a network. They are fitted on the training and validation parts and give class
// probabilities for each sequence of the test part.
#pragma once

#include "examples/dna_sequence/counts.h"
#include "examples/dna_sequence/predict.h"

#include <unroll/data/split.h>

namespace dna {

// Indices of the training and validation parts, in order.
std::vector<Index> learned_from(const unroll::data::Split& split);

// The shares of the classes, for every sequence.
Probabilities majority(const Examples& e, const unroll::data::Split& split);
// P(class) times the product over the positions of P(base there | class). Sequences of one length.
Probabilities naive_bayes(const Examples& e, const unroll::data::Split& split);
// k-mers at any position: naive Bayes, or a Markov chain. `chosen` is set to k.
Probabilities words(const Examples& e, const unroll::data::Split& split, bool chain,
                    bool both_strands, Index& chosen);

}  // namespace dna
