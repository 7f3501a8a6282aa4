// The recurrent cells, which compute one time step. They are used through RNN, LSTM and GRU
// (recurrent.h), or directly:
//
//   nn::LSTMCell cell({.in = 3, .hidden = 8});
//   auto state = cell.initial(batch);
//   for (const Var& x : steps) state = cell(x, state);
//
// with x [B, in] and state.h [B, hidden]. The equations are in autograd/sequence/cells.h.
//
// Shapes: B batch, D in, H hidden, P output size. Weights are [in, out]; gates are blocks of H
// columns. All cells have the same functions; they are explained at RNNCell. Initial weights and
// biases are uniform in +-1 / sqrt(H), as in PyTorch; layer norm starts with gain 1 and bias 0,
// learned initial states with 0.
#pragma once

#include <unroll/nn/module.h>
#include <unroll/nn/unroll.h>

namespace unroll::nn {

struct RNNCellOptions {
  Index in = 0, hidden = 0;
  bool bias = true;
  bool relu = false;           // instead of tanh
  bool learned_state = false;  // train the initial state
  DType dtype = f32;
  UNROLL_OPTIONS(in, hidden, bias, relu, learned_state, dtype)
};

// h' = tanh(x wx + b + h wh). Elman 1990.
class RNNCell {
 public:
  using Options = RNNCellOptions;
  struct State {
    Var h;  // [B, H]
  };
  // Throws std::invalid_argument unless in and hidden are at least 1.
  explicit RNNCell(const Options& options);
  // One step, equal to step(project(x), s), for x [B, D]; fused if nothing is recorded. Throws
  // std::invalid_argument if shapes do not fit.
  State operator()(const In& x, const State& s) const;
  Var project(const In& x) const;                   // [.., D] -> [.., H]
  State step(const Var& px, const State& s) const;  // px [B, H]
  // The fused form of projection and time loop, and whether it can be used; called by nn::run.
  bool can_run() const { return true; }
  std::pair<Var, State> run(const Gathered& x, const State& s, const UnrollOptions& options) const;
  State initial(Index batch) const;  // zeros, or the learned state; [B, H]
  Index output_size() const { return hidden_; }

  Param wx, wh, b, h0;  // [D, H], [H, H], [H], [H]
  UNROLL_FIELDS(wx, wh, b, h0)

 private:
  Index hidden_;
  bool relu_;
};

struct LSTMCellOptions {
  Index in = 0, hidden = 0;
  bool bias = true;
  double forget_bias = 0;   // added to the initial bias of the forget gate; 1 often helps at first
  bool peephole = false;    // gates also depend on the cell state: Gers and Schmidhuber 2000
  bool layer_norm = false;  // Ba et al. 2016
  Index projection = 0;  // if above 0: h is projected to this size, below hidden. Sak et al. 2014
  bool learned_state = false;
  DType dtype = f32;
  UNROLL_OPTIONS(in, hidden, bias, forget_bias, peephole, layer_norm, projection, learned_state,
                 dtype)
};

// [i f g o] = x wx + b + h wh;  c' = sigmoid(f) c + sigmoid(i) tanh(g);  h' = sigmoid(o) tanh(c').
// Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000.
class LSTMCell {
 public:
  using Options = LSTMCellOptions;
  struct State {
    Var h, c;  // [B, P], [B, H]
  };
  // Throws std::invalid_argument unless in and hidden are at least 1, and projection is below
  // hidden. forget_bias needs a bias.
  explicit LSTMCell(const Options& options);
  State operator()(const In& x, const State& s) const;
  Var project(const In& x) const;                   // [.., D] -> [.., 4 H]
  State step(const Var& px, const State& s) const;  // px [B, 4 H]
  bool can_run() const { return !peephole.defined() && !gain_h.defined() && !wp.defined(); }
  std::pair<Var, State> run(const Gathered& x, const State& s, const UnrollOptions& options) const;
  State initial(Index batch) const;
  Index output_size() const { return output_; }

  Param wx, wh, b;               // [D, 4H], [P, 4H], [4H]
  Param wp, peephole;            // [H, P], [3, H] for i, f, o
  Param gain_x, gain_h, gain_c;  // layer norm: [4H], [4H], [H]
  Param bias_c;                  // [H]
  Param h0, c0;                  // [P], [H]
  UNROLL_FIELDS(wx, wh, b, wp, peephole, gain_x, gain_h, gain_c, bias_c, h0, c0)

 private:
  Index hidden_, output_;
};

struct GRUCellOptions {
  Index in = 0, hidden = 0;
  bool bias = true;
  bool reset_after = true;  // apply the reset gate after the product, as PyTorch; else before
  bool learned_state = false;
  DType dtype = f32;
  UNROLL_OPTIONS(in, hidden, bias, reset_after, learned_state, dtype)
};

// r, z = sigmoid(x w + b + h wh);  h' = (1 - z) n + z h, with
//   n = tanh(x wn + bn + r (h whn + bhn))    if reset_after
//   n = tanh(x wn + bn + (r h) whn)          otherwise. Cho et al. 2014
class GRUCell {
 public:
  using Options = GRUCellOptions;
  struct State {
    Var h;  // [B, H]
  };
  // Throws std::invalid_argument unless in and hidden are at least 1.
  explicit GRUCell(const Options& options);
  State operator()(const In& x, const State& s) const;
  Var project(const In& x) const;                   // [.., D] -> [.., 3 H]
  State step(const Var& px, const State& s) const;  // px [B, 3 H]
  bool can_run() const { return reset_after_; }
  std::pair<Var, State> run(const Gathered& x, const State& s, const UnrollOptions& options) const;
  State initial(Index batch) const;
  Index output_size() const { return hidden_; }

  Param wx, wh, b, bhn, h0;  // [D, 3H], [H, 3H], [3H], [H] (only if reset_after), [H]
  UNROLL_FIELDS(wx, wh, b, bhn, h0)

 private:
  Index hidden_;
  bool reset_after_;
};

}  // namespace unroll::nn
