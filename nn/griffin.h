// The recurrent block of Griffin and Hawk (De et al. 2024), with its norm and residual connection:
// a convolution and an RG-LRU, gated by a second branch.
//
//   nn::Griffin griffin({.cell = {.in = 128, .blocks = 4}, .layers = 2});
//   auto out = griffin(x);             // x is a Sequence of rows [N, 128]; so is out.sequence
//   Var y = griffin.step(x_t, state);  // a stream; the state does not grow
//
// (Griffin alternates such blocks with others: MLPs and attention in a window, see transformer.h.)
// N rows, B sequences, D = in, E = width, K taps.
#pragma once

#include <unroll/nn/scan.h>

namespace unroll::nn {

struct GriffinCellOptions {
  Index in = 0;      // D
  Index width = 0;   // E; 0: in. The paper has about 4/3 of in
  Index conv = 4;    // K, 2 to 8
  Index blocks = 1;  // of the RG-LRU's gates, see RGLRUCellOptions
  double eps = 1e-6;
  DType dtype = f32;
};

// n = rms_norm(x); y = rg_lru(causal_conv1d(n in_proj)); out = x + (gelu(n gate_proj) y) out_proj.
// The initial conv_w is uniform in [-1 / sqrt(K), 1 / sqrt(K)], conv_b is 0.
class GriffinCell {
 public:
  using Options = GriffinCellOptions;
  struct State {
    Var out;        // [B, D] the last output
    Var conv;       // [B, K - 1, E] the last inputs of the convolution
    Var h, begins;  // see RGLRUCell::State
  };
  // Throws std::invalid_argument if a size is below 1, conv is not in [2, 8] or blocks does not
  // divide the width.
  explicit GriffinCell(const Options& options);
  State operator()(const In& x, const State& s) const;  // one step: x [B, D]
  Var project(const In& x) const { return *x; }         // step computes everything
  State step(const Var& x, const State& s) const { return (*this)(x, s); }
  bool can_run() const { return true; }
  std::pair<Var, State> run(const Gathered& x, const State& s, const UnrollOptions& options) const;
  State initial(Index batch) const;
  Index output_size() const { return out_proj.weight.shape()[1]; }

  RMSNorm norm;
  Linear in_proj, gate_proj;  // [D, E]
  Param conv_w, conv_b;       // [K, E], [E]
  RGLRUCell rg_lru;
  Linear out_proj;  // [E, D]
  UNROLL_FIELDS(norm, in_proj, gate_proj, conv_w, conv_b, rg_lru, out_proj)
};

using Griffin = Recurrent<GriffinCell>;

}  // namespace unroll::nn
