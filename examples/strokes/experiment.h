// What the program does: train and compare, or apply a saved model.
#pragma once

#include "examples/common/program.h"
#include "examples/strokes/choice.h"

namespace strokes {

void train_and_compare(const Choice& choice, const program::Options& o, program::Report& report);
void apply_model(const program::Options& o, program::Report& report);

}  // namespace strokes
