// Causal depthwise convolution along the sequences of a batch, as one fused op.
//
// N rows in the order of the layout, B sequences, C channels, K taps.
#pragma once

#include <unroll/autograd/tape.h>
#include <unroll/tensor/sequence_layout.h>

namespace unroll {

struct ConvOptions {
  bool reverse = false;  // from each sequence's end to its beginning: "before" means later in time
};
struct ConvOutput {
  Var rows;   // [N, C]
  Var state;  // [B, K - 1, C] the last K - 1 inputs of each sequence, oldest first
};

// y_t = bias + sum_k w[k] x_{t - (K - 1) + k}, for each channel separately: w[K - 1] is for the
// current step. x [N, C], w [K, C] with K from 2 to 8, bias [C] or undefined. The state [B, K - 1,
// C] has the inputs before the first step, in the layout's sorted order; undefined: zeros.
// Sequences do not affect each other. Throws std::invalid_argument if shapes or dtypes do not
// match.
ConvOutput causal_conv1d(const In& x, const In& w, const Var& bias, const Var& state,
                         const SequenceLayout& layout, const ConvOptions& options = {});
// The next step of a stream: x [B, C] -> [B, C]. `state` is replaced; undefined: zeros.
Var causal_conv1d_step(const In& x, const In& w, const Var& bias, Var& state);

}  // namespace unroll
