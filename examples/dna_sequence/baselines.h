// What can be said without a network. All learn from the training and the middle part, and give
// probabilities for each sequence of the test part.
#pragma once

#include "examples/dna_sequence/counts.h"
#include "examples/dna_sequence/predict.h"

#include <unroll/data/split.h>

namespace dna {

// The training and the middle part, in order.
std::vector<Index> learned_from(const unroll::data::Split& split);

// The shares of the classes.
Probabilities majority(const Examples& e, const unroll::data::Split& split);
// P(class) times the product over the positions of P(base there | class). Sequences of one length.
Probabilities naive_bayes(const Examples& e, const unroll::data::Split& split);
// Words of bases wherever they stand: naive Bayes, or a Markov chain. `chosen` gets the length of a
// word.
Probabilities words(const Examples& e, const unroll::data::Split& split, bool chain,
                    bool both_strands, Index& chosen);

}  // namespace dna
