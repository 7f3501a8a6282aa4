// The third and fourth job: classifies series in UCR format, or the beats of WFDB records.
#pragma once

#include "examples/common/program.h"
#include "examples/ecg/choice.h"

namespace ecg {

// Trains on --ucr or --wfdb, with several seeds, and compares with the nearest neighbour.
void classify(const Choice& choice, const program::Options& o, program::Report& report);

// --load with a model that classifies: --test or --predict.
void apply_classifier(const Choice& choice, const program::Options& o, program::Report& report);

}  // namespace ecg
