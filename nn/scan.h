// Recurrent layers in which the new state is linear in the last one, channel by channel, so that
// all steps are one scan (autograd/sequence/scan.h): minGRU, minLSTM and RG-LRU.
//
//   nn::MinGRU gru({.in = 16, .hidden = 64, .layers = 2});
//   auto out = gru(x);             // as with nn::GRU: out.sequence, out.last(), out.carry()
//   Var y = gru.step(x_t, state);  // a stream
//
// The gates depend on the input only, so one product computes those of all steps.
#pragma once

#include <unroll/nn/recurrent.h>

namespace unroll::nn {

// The options of the cells of minGRU and minLSTM.
struct MinCellOptions {
  Index in = 0, hidden = 0;
  bool bias = true;
  // The candidate is g(x wc) with g(v) = v + 0.5 for v >= 0, otherwise sigmoid(v), so that states
  // stay positive, as in the paper's scans in log space. Default: x wc itself.
  bool positive = false;
  bool learned_state = false;
  DType dtype = f32;
};

// What the two cells share. Feng et al. 2024. H hidden, G blocks of columns in the product with x:
//   MinGRUCell, G = 2:   z = sigmoid(x wz + bz);   h' = (1 - z) h + z (x wc + bc)
//   MinLSTMCell, G = 3:  f, i = sigmoid(x w + b);  h' = f / (f + i) h + i / (f + i) (x wc + bc)
class MinCell {
 public:
  using Options = MinCellOptions;
  struct State {
    Var h;  // [B, H]
  };
  Var project(const In& x) const { return gates(x); }  // [.., D] -> [.., G H]: gates, candidate
  State step(const Var& px, const State& s) const;     // px [B, G H]
  bool can_run() const { return true; }
  std::pair<Var, State> run(const Gathered& x, const State& s, const UnrollOptions& options) const;
  State initial(Index batch) const;
  Index output_size() const { return hidden_; }

  Linear gates;  // [D, G H]
  Param h0;      // [H]
  UNROLL_FIELDS(gates, h0)

 protected:
  enum class Kind : std::uint8_t { gru, lstm };
  MinCell(Kind kind, const Options& options);
  static const char* name_of(Kind kind) { return kind == Kind::gru ? "MinGRU" : "MinLSTM"; }

 private:
  Index hidden_;
  Kind kind_;
  bool positive_;
};
// The constructors throw std::invalid_argument unless in and hidden are at least 1.
struct MinGRUCell : MinCell {
  explicit MinGRUCell(const Options& options) : MinCell(Kind::gru, options) {}
};
struct MinLSTMCell : MinCell {
  explicit MinLSTMCell(const Options& options) : MinCell(Kind::lstm, options) {}
};

struct RGLRUCellOptions {
  Index in = 0;
  Index hidden = 0;  // 0: in. If it differs from in, x is projected first
  Index blocks = 1;  // number of blocks of the block-diagonal gate weights
  DType dtype = f32;
};

// The real-gated linear recurrent unit. De et al. 2024:
//   r = sigmoid(x wr + br), i = sigmoid(x wi + bi)
//   a = exp(-8 softplus(lambda) r);  h' = a h + sqrt(1 - a^2) (i x)
// At the beginning of a sequence h' = i x, as in the authors' code. The initial lambda is such that
// a is uniform in [0.9, 0.999] where r = 1: a state then decays within 10 to 1000 steps.
class RGLRUCell {
 public:
  using Options = RGLRUCellOptions;
  struct State {
    Var h;       // [B, H]
    Var begins;  // [B, 1] 1 before the first step of a sequence, then 0
  };
  // Throws std::invalid_argument unless in is at least 1 and blocks divides hidden.
  explicit RGLRUCell(const Options& options);
  State operator()(const In& x, const State& s) const;  // one step: x [B, D]
  Var project(const In& x) const;                       // [N, D] -> [N, 2 H]: log a, i x
  State step(const Var& px, const State& s) const;      // px [B, 2 H]
  bool can_run() const { return true; }
  std::pair<Var, State> run(const Gathered& x, const State& s, const UnrollOptions& options) const;
  State initial(Index batch) const;
  Index output_size() const { return hidden_; }

  std::optional<Linear> in;  // [D, H] if hidden differs from in
  Param wr, br, wi, bi;      // [blocks, H / blocks, H / blocks], [H]
  Param lambda;              // [H]
  UNROLL_FIELDS(in, wr, br, wi, bi, lambda)

 private:
  std::pair<Var, Var> decay_and_input(const In& x) const;
  State advance(const Var& log_a, const Var& input, const State& s) const;

  Index hidden_;
};

// The options of cell and layer in one struct, as for GRUOptions.
struct MinOptions {  // of MinGRU and MinLSTM
  Index in = 0, hidden = 0;
  Index layers = 1;
  bool bidirectional = false;
  double dropout = 0, variational_dropout = 0;  // see LayerOptions; for the rest MinCellOptions
  bool bias = true;
  bool positive = false;
  bool learned_state = false;
  DType dtype = f32;
  operator LayerOptions<MinGRUCell>() const;
  operator LayerOptions<MinLSTMCell>() const;
};
struct RGLRUOptions {
  Index in = 0, hidden = 0;
  Index layers = 1;
  bool bidirectional = false;
  double dropout = 0, variational_dropout = 0;
  Index blocks = 1;
  DType dtype = f32;
  operator LayerOptions<RGLRUCell>() const;
};
template <>
struct LayerOptionsOf<MinGRUCell> {
  using Type = MinOptions;
};
template <>
struct LayerOptionsOf<MinLSTMCell> {
  using Type = MinOptions;
};
template <>
struct LayerOptionsOf<RGLRUCell> {
  using Type = RGLRUOptions;
};

using MinGRU = Recurrent<MinGRUCell>;
using MinLSTM = Recurrent<MinLSTMCell>;
using RGLRU = Recurrent<RGLRUCell>;

}  // namespace unroll::nn
