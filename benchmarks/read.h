// The time that reading takes at least: what a step that reads its weights once is measured by.
#pragma once

#include <unroll/tensor/types.h>

namespace bench {

// Their sum, by the widest loads of the kernels' SIMD target.
float sum_of(const float* x, unroll::Index n);

}  // namespace bench
