// One step of each recurrent cell in plain ops: the equations, written once. nn's cells call them,
// and they are the reference of the fused layers (recurrent.h).
//
// B batch, D in, H hidden, P output size (H where nothing is projected). px [B, G H] is the
// projected input x wx + b; gates stand as blocks of H columns.
#pragma once

#include <unroll/autograd/tape.h>

#include <utility>

namespace unroll {

// h' = tanh(px + h wh), or relu instead. Elman 1990.
Var rnn_step(const Var& px, const Var& h, const Var& wh, bool relu = false);

// What an LSTM may have beside its weights; undefined parts are left out.
struct LSTMExtras {
  Var projection = {};           // [H, P] Sak et al. 2014
  Var peephole = {};             // [3, H] for i, f, o. Gers and Schmidhuber 2000
  Var gain_h = {};               // [4 H] layer norm of the product with the state. Ba et al. 2016
  Var gain_c = {}, bias_c = {};  // [H] layer norm of the cell
};
// [i f g o] = px + h wh;  c' = sigmoid(f) c + sigmoid(i) tanh(g);  h' = sigmoid(o) tanh(c').
// Hochreiter and Schmidhuber 1997; the forget gate: Gers et al. 2000. h [B, P], c [B, H] -> h', c'.
std::pair<Var, Var> lstm_step(const Var& px, const Var& h, const Var& c, const Var& wh,
                              const LSTMExtras& extras = {});

// r, z = sigmoid(px + h wh);  h' = (1 - z) n + z h, with Cho et al. 2014's n = tanh(pxn + (r h)
// whn), or, reset after the product as in PyTorch, n = tanh(pxn + r (h whn + bhn)); bhn [H] may be
// undefined.
Var gru_step(const Var& px, const Var& h, const Var& wh, const Var& bhn, bool reset_after = true);

}  // namespace unroll
