// What one long training sequence costs, with and without checkpointing.
#pragma once

#include "examples/common/report.h"
#include "examples/ecg/forecaster.h"

namespace ecg {

// Memory and time of forward and backward over one window.
struct Cost {
  double megabytes = 0;  // the peak, beyond what was in use before
  double seconds = 0;    // the shortest of three runs
};
Cost cost_of(const Forecaster& model, const Rows& rows, Index length, Index chunk);

// Prints and reports both; chunk 0: 400 samples.
void print_cost(const Forecaster& model, const Rows& rows, Index length, Index chunk,
                program::Report& report);

}  // namespace ecg
