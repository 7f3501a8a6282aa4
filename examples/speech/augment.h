// Random variants of a recording for training.
#pragma once

#include "examples/speech/features.h"

#include <unroll/tensor/random.h>

namespace speech {

// Faster or slower, so that the pitch and the formants change too; louder or quieter; with noise;
// and with up to 50 ms cut from each end.
Samples varied(const Samples& samples, unroll::Generator& random);
// Another speed without a change of pitch (interpolated frames), and another loudness of low and
// high bands; then a few bands and a few frames are set to the mean [kBands] (SpecAugment, Park et
// al. 2019).
Frames varied(const Frames& frames, std::span<const float> mean, unroll::Generator& random);

}  // namespace speech
