// The accuracy of each model by length of the snippets, and its interpretation.
#pragma once

#include "examples/common/report.h"
#include "examples/languages/model.h"

namespace languages {

// Prints and reports the accuracy of naive Bayes, the n-grams of order kOrders, the reader and the
// mixture on `times` snippets of each paragraph and length; and prints the difference between the
// mixture and naive Bayes at 10 characters, with the paired standard error. Snippets of one
// paragraph are not independent, so the standard error is that of the mean over paragraphs.
void compare_models(const Model& model, const NGrams& ngrams, const Encoded& test, Index times,
                    std::uint64_t seed, program::Report& report);

}  // namespace languages
