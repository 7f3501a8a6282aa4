// Trains the networks, or loads one, and compares them with the baselines on sequences that none
// was trained on.
#pragma once

#include "examples/dna_sequence/options.h"

namespace dna {

void train_and_compare(const Choice& choice, const program::Options& o, program::Report& report);

}  // namespace dna
