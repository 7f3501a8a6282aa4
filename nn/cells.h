// The recurrent cells, one step of time each. They are used through RNN, LSTM and GRU
// (recurrent.h), or by hand:
//
//   nn::LSTMCell cell({.in = 3, .hidden = 8});
//   auto state = cell.initial(batch);
//   for (const Var& x : steps) state = cell.step(cell.project(x), state);
//
// with x [B, in] and state.h [B, hidden]. A cell by itself is one layer in one direction: it
// refuses options that say otherwise.
//
// Shapes: B batch, D in, H hidden, P output size. Weights stand as [in, out], gates as blocks of
// columns.
#pragma once

#include <unroll/nn/module.h>
#include <unroll/nn/unroll.h>

namespace unroll::nn {

struct RNNOptions {
  Index in = 0, hidden = 0;
  Index layers = 1;
  bool bidirectional = false;
  double dropout = 0;              // between layers: of one alone nothing is dropped
  double variational_dropout = 0;  // the same, one mask for all time steps
  bool bias = true;
  bool relu = false;           // instead of tanh
  bool learned_state = false;  // the initial state is trained
  DType dtype = f32;
};

// h' = tanh(x wx + b + h wh). Elman 1990.
class RNNCell {
 public:
  using Options = RNNOptions;
  struct State {
    Var h;  // [B, H]
  };
  explicit RNNCell(const Options& options);
  Var project(const In& x) const;
  State step(const Var& px, const State& s) const;
  // step(project(x), s), fused where nothing is recorded.
  State advance(const In& x, const State& s) const;
  bool can_run() const { return true; }
  std::pair<Var, State> run(const Var& x, const State& s, const SequenceLayout& layout,
                            bool reverse) const;
  State initial(Index batch) const;
  Index output_size() const { return hidden_; }

  Param wx, wh, b, h0;  // [D, H], [H, H], [H], [H]
  UNROLL_FIELDS(wx, wh, b, h0)

 private:
  kernels::Recurrence kind() const {
    return relu_ ? kernels::Recurrence::rnn_relu : kernels::Recurrence::rnn_tanh;
  }

  Index hidden_;
  bool relu_;
};

struct LSTMOptions {
  Index in = 0, hidden = 0;
  Index layers = 1;
  bool bidirectional = false;
  double dropout = 0;
  double variational_dropout = 0;
  bool bias = true;
  double forget_bias = 0;   // added to the forget gate's initial bias; 1 helps memory at first
  bool peephole = false;    // gates see the cell: Gers and Schmidhuber 2000
  bool layer_norm = false;  // Ba et al. 2016
  Index projection = 0;     // > 0: h is projected to this size. Sak et al. 2014
  bool learned_state = false;
  DType dtype = f32;
};

// [i f g o] = x wx + b + h wh;  c' = sigmoid(f) c + sigmoid(i) tanh(g);  h' = sigmoid(o) tanh(c').
// Hochreiter and Schmidhuber 1997; the forget gate: Gers et al. 2000.
class LSTMCell {
 public:
  using Options = LSTMOptions;
  struct State {
    Var h, c;  // [B, P], [B, H]
  };
  explicit LSTMCell(const Options& options);
  Var project(const In& x) const;
  State step(const Var& px, const State& s) const;
  // step(project(x), s), fused where nothing is recorded.
  State advance(const In& x, const State& s) const;
  bool can_run() const { return !peephole.defined() && !gain_h.defined() && !wp.defined(); }
  std::pair<Var, State> run(const Var& x, const State& s, const SequenceLayout& layout,
                            bool reverse) const;
  State initial(Index batch) const;
  Index output_size() const { return output_; }

  Param wx, wh, b;               // [D, 4H], [P, 4H], [4H]
  Param wp, peephole;            // [H, P], [3, H] for i, f, o
  Param gain_x, gain_h, gain_c;  // layer norm: [4H], [4H], [H]
  Param bias_c;                  // [H]
  Param h0, c0;
  UNROLL_FIELDS(wx, wh, b, wp, peephole, gain_x, gain_h, gain_c, bias_c, h0, c0)

 private:
  Index hidden_, output_;
};

struct GRUOptions {
  Index in = 0, hidden = 0;
  Index layers = 1;
  bool bidirectional = false;
  double dropout = 0;
  double variational_dropout = 0;
  bool bias = true;
  bool reset_after = true;  // the reset gate after the product, as PyTorch; else as in the paper
  bool learned_state = false;
  DType dtype = f32;
};

// r, z = sigmoid(x w + b + h wh);  h' = (1 - z) n + z h, with
//   n = tanh(x wn + bn + r (h whn + bhn))    reset after the product
//   n = tanh(x wn + bn + (r h) whn)          before it. Cho et al. 2014
class GRUCell {
 public:
  using Options = GRUOptions;
  struct State {
    Var h;  // [B, H]
  };
  explicit GRUCell(const Options& options);
  Var project(const In& x) const;
  State step(const Var& px, const State& s) const;
  // step(project(x), s), fused where nothing is recorded.
  State advance(const In& x, const State& s) const;
  bool can_run() const { return reset_after_; }
  std::pair<Var, State> run(const Var& x, const State& s, const SequenceLayout& layout,
                            bool reverse) const;
  State initial(Index batch) const;
  Index output_size() const { return hidden_; }

  Param wx, wh, b, bhn, h0;  // [D, 3H], [H, 3H], [3H], [H] (reset after only), [H]
  UNROLL_FIELDS(wx, wh, b, bhn, h0)

 private:
  Index hidden_;
  bool reset_after_;
};

}  // namespace unroll::nn
