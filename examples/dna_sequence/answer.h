// --predict: a trained model is asked about sequences of which the class is not known.
#pragma once

#include "examples/dna_sequence/options.h"

namespace dna {

// Writes CSV: a line for each sequence, with its class and the probability of each class.
void answer(const Choice& choice, const program::Options& o);

}  // namespace dna
