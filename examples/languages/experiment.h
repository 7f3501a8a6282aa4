// What the program does: train and compare, or apply a saved model.
#pragma once

#include "examples/common/program.h"
#include "examples/languages/model.h"

namespace languages {

struct Choice {
  std::string text;  // --text
  std::string model = "gru";
  program::SizeChoice size;
  Index hidden = 64, limit = 0, snippets = 5;
};

void train_and_compare(const Choice& choice, const program::Options& o, program::Report& report);
void apply_model(const Choice& choice, const program::Options& o, program::Report& report);

}  // namespace languages
