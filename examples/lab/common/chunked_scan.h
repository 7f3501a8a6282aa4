// A scan can be cut in time: since
//   h_t = (a_t ... a_1) h_0 + (h_t from h_0 = 0),
// chunks of steps are scanned side by side, each from a state of zero, and the true states before
// them are found afterwards, in one more step for each chunk.
#pragma once

#include "examples/lab/common/experiment.h"

namespace lab {

// h_t = a_t h_{t-1} + b_t from h_0 = 0, in `chunks` chunks of equal length; a, b and the result are
// [T, C] of one dtype. Throws std::invalid_argument unless T is a multiple of `chunks`.
unroll::Tensor chunked_scan(const unroll::Tensor& a, const unroll::Tensor& b, Index chunks);

// Adds the errors and the longest chains of a scan of 64 channels in 1 to 64 chunks.
void measure_chunks(Experiment& e, Index steps);

}  // namespace lab
