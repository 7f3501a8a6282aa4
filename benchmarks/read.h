// Reads memory once: a lower limit for the time of a step that reads its weights once.
#pragma once

#include <unroll/tensor/types.h>

namespace bench {

// The sum of n elements, by the widest loads of the SIMD target.
float sum_of(const float* x, unroll::Index n);

}  // namespace bench
