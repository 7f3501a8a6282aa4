// The table of the three forecasts, and which of them is best.
#pragma once

#include "examples/common/report.h"
#include "examples/ecg/forecaster.h"

namespace ecg {

struct Range {
  Index begin = 0, end = 0;  // samples
};

// The mean of a - b over the samples of a range, and its standard error from the means of blocks of
// `block` samples, since neighbouring samples are not independent.
struct Difference {
  double mean = 0, standard_error = 0;
};
Difference difference(const Values& a, const Values& b, const Range& range, Index block);

// Prints and reports NLL and RMSE, as nll.lstm, rmse.lstm and so on for the kind of the network,
// and a sentence that says which is best.
void print_scores(const AllScores& scores, const Range& range, double frequency,
                  const std::string& kind, program::Report& report);

}  // namespace ecg
