// Mamba (Gu and Dao 2023): blocks of a gated causal convolution and a selective scan.
//
//   nn::Mamba mamba({.dim = 128, .layers = 4});
//   auto out = mamba(x);             // x is a Sequence of rows [N, 128]; so is out.sequence
//   auto more = mamba(y, out.carry());
//   Var y = mamba.step(x_t, state);  // a stream; the state does not grow
//
// The authors train a_log and d without weight decay: with optim, .groups = {{.match = ".a_log",
// .weight_decay = 0}, {.match = ".d", .weight_decay = 0}}. Published weights: mamba_tensors().
//
// N rows, B sequences, D = dim, E = expand D, S states, K taps, R = dt_rank.
#pragma once

#include <unroll/nn/recurrent.h>
#include <unroll/tensor/safetensors.h>

namespace unroll::nn {

struct MambaCellOptions {
  Index in = 0;       // D
  Index states = 16;  // S, of each of the E channels
  Index conv = 4;     // K, 2 to 8
  Index expand = 2;
  Index dt_rank = 0;  // R; 0: D / 16, rounded up
  double eps = 1e-5;  // of the norm
  DType dtype = f32;
};

// One block with its norm and residual:
//   u, z = rms_norm(x) in_proj;  u = silu(causal_conv1d(u));  delta, b, c = u x_proj
//   out = x + selective_scan(u, delta dt_proj, -exp(a_log), b, c, d, z) out_proj
// Initial values are those of the authors' code: a_log = log(1 .. S), d = 1, the bias of dt_proj
// such that step sizes are log-uniform in [0.001, 0.1], its weight uniform in +-1 / sqrt(R), the
// convolution uniform in +-1 / sqrt(K), the others like a Linear.
class MambaCell {
 public:
  using Options = MambaCellOptions;
  struct State {
    Var out;   // [B, D] the last output
    Var conv;  // [B, K - 1, E] the last inputs of the convolution
    Var h;     // [B, E, S]
  };
  // Throws std::invalid_argument if a size is below 1 or conv is not in [2, 8].
  explicit MambaCell(const Options& options);
  State operator()(const In& x, const State& s) const;  // one step: x [B, D]
  Var project(const In& x) const;                       // [N, D] -> [N, 2 E + D]: u, z, x
  State step(const Var& px, const State& s) const;      // px [B, 2 E + D]
  bool can_run() const { return true; }
  std::pair<Var, State> run(const Gathered& x, const State& s, const UnrollOptions& options) const;
  State initial(Index batch) const;  // zeros
  Index output_size() const { return out_proj.weight.shape()[1]; }
  // Divides out_proj by sqrt(layers): its initial value in a stack of so many blocks.
  void scale_output(Index layers);

  RMSNorm norm;
  Linear in_proj;        // [D, 2 E]
  Param conv_w, conv_b;  // [K, E], [E]
  Linear x_proj;         // [E, R + 2 S]
  Linear dt_proj;        // [R, E]
  Param a_log, d;        // [E, S], [E]
  Linear out_proj;       // [E, D]
  UNROLL_FIELDS(norm, in_proj, conv_w, conv_b, x_proj, dt_proj, a_log, d, out_proj)

 private:
  State mixed(const Var& uz, const State& s, const SequenceLayout* layout, bool reverse,
              Var& rows) const;
  bool streams(const Var& x, const State& s) const;

  double eps_;
};

struct MambaOptions {
  Index dim = 0;  // D
  Index layers = 1;
  Index states = 16, conv = 4, expand = 2, dt_rank = 0;  // see MambaCellOptions
  double eps = 1e-5;
  double dropout = 0;  // between layers
  DType dtype = f32;
};

// A stack of blocks and a final norm. The initial out_proj of each block is divided by
// sqrt(layers).
class Mamba {
 public:
  using Options = MambaOptions;
  using State = MambaCell::State;
  using Result = RecurrentResult<State>;

  // Inline, like Recurrent, so that a program contains only the layers it uses.
  explicit Mamba(const Options& o)
      : blocks({.cell = {.in = o.dim,
                         .states = o.states,
                         .conv = o.conv,
                         .expand = o.expand,
                         .dt_rank = o.dt_rank,
                         .eps = o.eps,
                         .dtype = o.dtype},
                .layers = o.layers,
                .dropout = o.dropout}),
        norm_f({.dim = o.dim, .eps = o.eps, .dtype = o.dtype}) {
    for (MambaCell& block : blocks.layers) block.scale_output(o.layers);
  }
  // As for Recurrent: `initial` is like Result::state, or empty for zeros.
  Result operator()(const Gathered& x, const std::vector<State>& initial = {},
                    const UnrollOptions& options = {}, Where where = Where::here()) const {
    const Caller caller(where);
    Result out = blocks(x, initial, options);
    out.sequence = norm_f(out.sequence);
    out.top = norm_f(out.top);
    return out;
  }
  // One time step of a stream: x [B, D] -> [B, D].
  Var step(const In& x, std::vector<State>& state) const { return norm_f(blocks.step(x, state)); }

  Recurrent<MambaCell> blocks;
  RMSNorm norm_f;
  UNROLL_FIELDS(blocks, norm_f)
};

// The tensors of a published checkpoint under the names and in the shapes of this library, for a
// model with a part `Mamba backbone`, and, where it has them, `Embedding embedding` and `Linear
// lm_head`:
//
//   nn::assign(path, nn::mamba_tensors(load_safetensors(path)), nn::state(model));
//
// "backbone.layers.0.mixer.in_proj.weight" [2 E, D] becomes
// "backbone.blocks.layers.0.in_proj.weight" [D, 2 E], and so on; names that Mamba does not
// have are kept. Throws std::runtime_error if a tensor has the wrong number of axes.
NamedTensors mamba_tensors(const NamedTensors& published);

}  // namespace unroll::nn
