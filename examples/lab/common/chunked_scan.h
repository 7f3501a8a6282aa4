// A scan can be cut in time: since
//   h_t = (a_t ... a_1) h_0 + (h_t from h_0 = 0),
// chunks of steps are scanned side by side, each from a state of zero, and the true states before
// them are found afterwards, in one more step for each chunk.
#pragma once

#include <unroll/autograd/var.h>

namespace lab {

// h_t = a_t h_{t-1} + b_t from h_0 = 0, in `chunks` chunks of equal length; a, b and the result are
// [T, C] of one dtype. Throws std::invalid_argument unless T is a multiple of `chunks`.
unroll::Tensor chunked_scan(const unroll::Tensor& a, const unroll::Tensor& b, unroll::Index chunks);

// The largest difference between that and the scan in one piece, for random coefficients.
double chunk_error(unroll::Index steps, unroll::Index chunks, unroll::Index channels);

}  // namespace lab
