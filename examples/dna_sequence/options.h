// The options of dna_sequence.
#pragma once

#include "examples/common/sequence_model.h"

#include <unroll/tensor/types.h>

namespace dna {

using unroll::Index;

struct Choice {
  std::vector<std::string> fasta, columns;
  std::string model, reader = "gru";
  program::SizeChoice size;  // of the readers
  Index folds = 1, origin = 0;
  bool reverse_complement = false, both_strands = false;
};

void declare(CLI::App& app, Choice& choice);

// Throws std::invalid_argument where options do not go together; prepares the outputs.
void check_options(const Choice& choice, const program::Options& o);

}  // namespace dna
