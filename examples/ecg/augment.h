// Random variants of a training series, so that a network does not learn its few examples by heart.
#pragma once

#include "examples/ecg/labelled.h"

#include <unroll/tensor/random.h>

namespace ecg {

struct Augmentation {
  double warp = 0.35;    // std of the logarithm of the speed, in each fifth of the time
  double scale = 0.15;   // std of the logarithm of the factor of all values
  double jitter = 0.15;  // std of the noise that is added to each value
};

// A variant of standardised values, of the same length and with the same ends.
Values varied(const Values& values, const Augmentation& augmentation, unroll::Generator& random);

}  // namespace ecg
