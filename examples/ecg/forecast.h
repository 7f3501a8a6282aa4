// The first job: forecasts the next sample of a recording as a distribution, and compares a
// network with persistence and an autoregressive model. The second one is in beats.h.
#pragma once

#include "examples/common/program.h"
#include "examples/ecg/choice.h"

namespace ecg {

void forecast(const Choice& choice, const program::Options& o, program::Report& report);

}  // namespace ecg
