// How a cost grows with the length of a sequence.
#pragma once

#include "examples/lab/common/experiment.h"

namespace lab {

// p of the power c T^p that fits the longer half of the lengths best: least squares of logarithms.
// Values are positive; at the end they may be missing (NaN).
double exponent(const Numbers& lengths, const Numbers& values);

// The length from which on `a` is above `b`, interpolated as powers; the shortest if it always is,
// NaN if it is not at the longest.
double crossing(const Numbers& lengths, const Numbers& a, const Numbers& b);

}  // namespace lab
