// How often each model names the right language, and what that shows.
#pragma once

#include "examples/common/report.h"
#include "examples/languages/model.h"

namespace languages {

// Snippets of every length, `times` of each paragraph: prints and reports the share of right
// answers of naive Bayes, the longest n-grams, the reader and the mixture; and says how far the
// mixture is ahead of naive Bayes at 10 characters, with the paired standard error. Snippets of one
// paragraph are no independent examples, so the error is that of the paragraphs' means.
void compare_models(const Model& model, const NGrams& ngrams, const Encoded& test, Index times,
                    std::uint64_t seed, program::Report& report);

}  // namespace languages
