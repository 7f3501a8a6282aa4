// The selective scan of Mamba (Gu and Dao 2023), as one fused op over all time steps.
//
// N rows in the order of the layout, B sequences, D channels, S states per channel.
#pragma once

#include <unroll/autograd/sequence/scan.h>

namespace unroll {

struct SelectiveScanInputs {
  Var x;                // [N, D]
  Var delta;            // [N, D] the step size before bias and softplus
  Var a;                // [D, S] usually negative
  Var b, c;             // [N, S]
  Var d = {};           // [D] weight of x in the output; undefined: none
  Var delta_bias = {};  // [D]; undefined: none
  Var z = {};           // [N, D] the gate; undefined: none
};

// For each channel, with its S states h_t:
//   dt = softplus(delta + delta_bias)
//   h_t = exp(dt a) h_{t-1} + dt b_t x_t
//   y_t = (sum over the S states of c_t h_t) + d x_t
//   row t of the result: y_t silu(z_t)
// The initial state is [B, D, S], in the layout's sorted order, and zero if undefined.
// ScanOutput::last is the last state [B, D, S]. One state in 64 is stored: memory is
// O(N D + N D S / 64). exp(dt a) is at most 2^127 in f32. Throws std::invalid_argument if shapes or
// dtypes do not match.
ScanOutput selective_scan(const SelectiveScanInputs& inputs, const Var& initial,
                          const SequenceLayout& layout, const ScanOptions& options = {},
                          Where where = Where::here());
// The next step of a stream: one row per sequence. `state` [B, D, S] is replaced; undefined: zeros.
// Equals the same step of selective_scan.
Var selective_scan_step(const SelectiveScanInputs& inputs, Var& state, Where where = Where::here());

}  // namespace unroll
