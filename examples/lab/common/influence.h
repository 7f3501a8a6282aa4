// How strongly the last output of a network depends on each input of a sequence: the norm of the
// Jacobian, by the distance from the last step.
#pragma once

#include "examples/lab/common/experiment.h"
#include "examples/lab/common/network.h"

namespace lab {

// The norms at the distances 0 (the last input), 1, ... T - 1, as root mean squares over the
// sequences of a batch.
struct Influence {
  Numbers output;  // Frobenius norm of dh_T / dx_t, h_T the last output of the reader
  Numbers loss;    // norm of dL_T / dx_t, L_T the loss of one sequence at its last step
};
// x is the input of the reader: a row of numbers, or of the embedding. The Frobenius norm is
// estimated: for v from N(0, 1), the mean of |v dh_T/dx_t|^2 is its square; v is drawn
// `projections` times for each sequence. All sequences of the batch must have T steps.
Influence influence(const Network& network, const Batch& batch, Index projections,
                    unroll::Generator& random);

// The number of steps after distance 1 until the norm has fallen to half its value at distance 1:
// 1 for 0.5^distance. Between two distances it is interpolated as an exponential. T - 2, the
// largest that can be measured, if it does not fall so far. (Distance 0 would be no good reference:
// residual connections pass the last input to the last output unchanged.)
double half_life(const Numbers& norms);

// The norms of one model: by seed, then by distance.
struct Decay {
  std::string name;
  std::vector<Numbers> norms;
};
// A line for each model, the geometric mean over its seeds of the norms relative to distance 1, and
// one for a norm that halves at each step.
Chart decay_chart(const std::string& title, const std::vector<Decay>& decays);

}  // namespace lab
