// Recurrent layers over whole sequences, each one fused op over all time steps.
//
// N rows in the order of the layout, B sequences, D in, H hidden; G gate blocks of H columns: RNN
// 1, GRU 3 (r z n), LSTM 4 (i f g o). The equations are in cells.h.
#pragma once

#include <unroll/autograd/sequence/time_loop.h>

namespace unroll {

struct RecurrentWeights {
  Var wx = {};   // [D, G H]; undefined if x is already projected (x wx + b)
  Var b = {};    // [G H] or undefined
  Var wh = {};   // [H, G H]
  Var bhn = {};  // [H] GRU's bias inside the reset gate, or undefined
};

struct RecurrentOptions {
  bool reverse = false;  // from each sequence's end to its beginning
  bool relu = false;     // rnn_sequence only: relu instead of tanh
  // Optional, [N], for inputs with many equal rows: x is then a table [V, G H] of projected inputs,
  // and row n of the sequences is x[ids[n]].
  IndexTensor ids = {};
};

struct RecurrentOutput {
  Var rows;     // [N, H]
  States last;  // last state of each sequence [B, H], sorted like the steps of the layout
};

// x is [N, D], or already projected [N, G H], or a table [V, G H] with ids. Initial states [B, H]
// are sorted like the steps of the layout. Throws std::invalid_argument if shapes or dtypes do not
// match.
RecurrentOutput rnn_sequence(const In& x, const RecurrentWeights& weights, const Var& h0,
                             const SequenceLayout& layout, const RecurrentOptions& options = {});
RecurrentOutput lstm_sequence(const In& x, const RecurrentWeights& weights, const Var& h0,
                              const Var& c0, const SequenceLayout& layout,
                              const RecurrentOptions& options = {});
RecurrentOutput gru_sequence(const In& x, const RecurrentWeights& weights, const Var& h0,
                             const SequenceLayout& layout, const RecurrentOptions& options = {});

}  // namespace unroll
