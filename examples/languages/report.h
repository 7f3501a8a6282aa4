// The accuracy of each model by length of the snippets, and its interpretation.
#pragma once

#include "examples/common/report.h"
#include "examples/languages/model.h"

#include <string>

namespace languages {

// Prints and reports the accuracy of naive Bayes, the n-grams of order kOrders, the reader and the
// mixture on `times` snippets of each paragraph and length; and prints the difference between the
// mixture and naive Bayes at 10 characters, with the paired standard error. Snippets of one
// paragraph are not independent, so the standard error is that of the mean over paragraphs. Draws
// the accuracies in the file `picture` unless it is empty.
void compare_models(const Model& model, const NGrams& ngrams, const Encoded& test, Index times,
                    std::uint64_t seed, const std::string& picture, program::Report& report);

}  // namespace languages
