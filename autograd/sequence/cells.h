// One time step of each recurrent cell in plain ops. This is the only place with the equations:
// nn's cells call these functions, and they are the reference of the fused layers (recurrent.h).
//
// B batch, D in, H hidden, P output size (H without projection). px [B, G H] is the projected input
// x wx + b, with G gates as blocks of H columns. Like all
// ops they throw std::invalid_argument if shapes do not fit.
#pragma once

#include <unroll/autograd/tape.h>

#include <utility>

namespace unroll {

struct RNNStepOptions {
  bool relu = false;  // instead of tanh
};
// h' = tanh(px + h wh), or relu instead of tanh. h, h' [B, H], wh [H, H]. Elman 1990.
Var rnn_step(const Var& px, const Var& h, const Var& wh, const RNNStepOptions& options = {});

// Optional parts of an LSTM; undefined ones are not used.
struct LSTMExtras {
  Var projection = {};           // [H, P] Sak et al. 2014
  Var peephole = {};             // [3, H] for i, f, o. Gers and Schmidhuber 2000
  Var gain_h = {};               // [4 H] layer norm of h wh. Ba et al. 2016
  Var gain_c = {}, bias_c = {};  // [H] layer norm of the cell state
};
// [i f g o] = px + h wh;  c' = sigmoid(f) c + sigmoid(i) tanh(g);  h' = sigmoid(o) tanh(c').
// Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000. h [B, P], c [B, H] -> {h', c'}.
std::pair<Var, Var> lstm_step(const Var& px, const Var& h, const Var& c, const Var& wh,
                              const LSTMExtras& extras = {});

struct GRUStepOptions {
  bool reset_after = true;  // the reset gate multiplies h whn + bhn, as in PyTorch; otherwise h
};
// r, z = sigmoid(px + h wh);  h' = (1 - z) n + z h, with
//   n = tanh(pxn + r (h whn + bhn))    if reset_after
//   n = tanh(pxn + (r h) whn)          otherwise. Cho et al. 2014
// h, h' [B, H]; bhn [H] may be undefined.
Var gru_step(const Var& px, const Var& h, const Var& wh, const Var& bhn,
             const GRUStepOptions& options = {});

}  // namespace unroll
