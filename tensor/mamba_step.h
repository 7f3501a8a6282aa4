// One time step of a Mamba block on plain tensors, for streaming one sequence.
//
// D model size, E channels, S states, K taps, R = rank of the step size.
#pragma once

#include <unroll/tensor/tensor.h>

namespace unroll {

// All contiguous and of one dtype, but h, of which any strides are read. The shapes are those of
// nn::MambaCell and are not checked.
struct MambaStep {
  const Tensor &x, &gain;                    // [1, D], [D]
  const Tensor& in_proj;                     // [D, 2 E]
  const Tensor &conv_w, &conv_b;             // [K, E], [E]
  const Tensor &x_proj, &dt_proj, &dt_bias;  // [E, R + 2 S], [R, E], [E]
  const Tensor &a_log, &d;                   // [E, S], [E]
  const Tensor& out_proj;                    // [E, D]
  const Tensor &conv, &h;                    // the state: [1, K - 1, E], [1, E, S]
  double eps;                                // of the norm
};
struct MambaStepResult {
  Tensor out, conv, h;  // [1, D], and the next state
};
// The equations are those of nn::MambaCell.
MambaStepResult mamba_step(const MambaStep& step);

}  // namespace unroll
