// Recurrent layers over whole sequences, each of them one fused op over all time steps.
//
// N rows in the order of the layout, B sequences, D in, H hidden; G gate blocks of H columns: RNN
// 1, GRU 3 (r z n), LSTM 4 (i f g o). The equations are in cells.h.
#pragma once

#include <unroll/autograd/sequence/time_loop.h>

namespace unroll {

struct RecurrentWeights {
  Var wx = {};   // [D, G H]; undefined where x is projected already (x wx + b)
  Var b = {};    // [G H] or undefined
  Var wh = {};   // [H, G H]
  Var bhn = {};  // [H] GRU's bias inside the reset gate, or undefined
};

struct RecurrentOptions {
  bool reverse = false;  // from each sequence's end to its beginning
  bool relu = false;     // rnn_sequence alone: relu instead of tanh
  // [N] where many rows are alike: x is a table [V, G H] of projected inputs, and row n of the
  // sequences is x[ids[n]].
  IndexTensor ids = {};
};

struct RecurrentOutput {
  Var rows;     // [N, H]
  States last;  // each sequence's last state [B, H], sorted as the layout's steps are
};

// x [N, D], or projected [N, G H], or with ids [V, G H]. Initial states [B, H] are sorted as the
// layout's steps are. Throws std::invalid_argument where shapes or types do not fit.
RecurrentOutput rnn_sequence(const In& x, const RecurrentWeights& weights, const Var& h0,
                             const SequenceLayout& layout, const RecurrentOptions& options = {});
RecurrentOutput lstm_sequence(const In& x, const RecurrentWeights& weights, const Var& h0,
                              const Var& c0, const SequenceLayout& layout,
                              const RecurrentOptions& options = {});
RecurrentOutput gru_sequence(const In& x, const RecurrentWeights& weights, const Var& h0,
                             const SequenceLayout& layout, const RecurrentOptions& options = {});

}  // namespace unroll
