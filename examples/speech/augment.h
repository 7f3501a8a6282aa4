// Variants of a recording for training: other speed, size of the vocal tract, loudness, microphone,
// background noise, and bounds.
#pragma once

#include "examples/speech/features.h"

#include <unroll/tensor/random.h>

namespace speech {

// Another pitch and vocal tract (a faster recording), loudness, noise and bounds.
Samples varied(const Samples& samples, unroll::Generator& random);
// Another speed (frames that are interpolated), and other loudness of low and high bands; then a
// few bands and a few frames are set to the mean [kBands] (SpecAugment, Park et al. 2019).
Frames varied(const Frames& frames, std::span<const float> mean, unroll::Generator& random);

}  // namespace speech
