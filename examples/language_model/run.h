// What the program does: it trains and compares, or applies a model from a file.
#pragma once

#include "examples/language_model/options.h"

namespace language_model {

void train_and_compare(const Choice& choice, const program::Options& o, program::Report& report);
void apply_model(const Choice& choice, const program::Options& o, program::Report& report);

}  // namespace language_model
