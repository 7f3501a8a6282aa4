// Trains the GRU (Reader) and the combination (Mixture).
#pragma once

#include "examples/common/training.h"
#include "examples/languages/model.h"

namespace languages {

struct FitOptions {
  Index epochs = 0;
  std::uint64_t seed = 1;
};

// Trains model.reader on new snippets of the training paragraphs in each epoch, 5 to 40 characters
// long, and keeps the best epoch on snippets of the validation paragraphs.
program::Curves fit_reader(Model& model, const Encoded& train, const Encoded& validation,
                           const FitOptions& o, program::Checkpoint* checkpoint);

// Learns the weights of the mixture on snippets of the validation paragraphs, which `ngrams` must
// not have counted. It takes a few seconds, and Ctrl-C does not stop it.
void fit_mixture(Model& model, const NGrams& ngrams, const Encoded& validation, std::uint64_t seed);

}  // namespace languages
