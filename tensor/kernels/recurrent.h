// A recurrent layer over all time steps in one call, forward and backward; and one step of a
// stream.
//
// N rows in the order of a SequenceLayout, B sequences, H hidden, G gate blocks. Rows of the batch
// are independent of each other, so each thread takes its own through all time steps (time_walk.h).
#pragma once

#include <unroll/tensor/kernels/gates.h>
#include <unroll/tensor/kernels/time_walk.h>

namespace unroll::kernels {

template <class T>
struct RecurrentForward {
  // Projected inputs, bias included, rows stride_x apart: [N, G H], for an LSTM where its gates are
  // saved and for an RNN in `rows`, so that nothing is copied; or, where ids are given, [V, G H].
  // Or, where wx is given, inputs [N, D].
  const T* x;
  Index stride_x;
  const Index* ids;  // [N] whose row of x each is; or null
  const T *wx, *b;   // [D, G H], [G H] or null
  Index dim;         // D
  const T* w;        // [H, G H]
  const T* bias;     // [H] GRU's bhn, or null
  const T* h0;       // [B, H]
  bool from_zero;    // h0 is zero: no product with it
  const T* c0;       // [B, H] LSTM
  T* rows;           // [N, H]
  T* saved;          // [N, saved_of(kind) H]
  T* h;              // [B, H] last states
  T* c;              // [B, H] LSTM
};
template <class T>
void recurrent_forward(Recurrence kind, const Steps& steps, Index hidden,
                       const RecurrentForward<T>& args);

template <class T>
struct RecurrentBackward {
  const T* w;     // [H, G H]
  const T* h0;    // [B, H]
  const T* c0;    // [B, H] LSTM
  const T* rows;  // [N, H]
  const T* saved;
  const T* d_rows;  // [N, H], or null
  T* dx;            // [N, G H]
  T* dhw;  // [N, G H] GRU: the gradient of h w, whose last block is not that of x; else null
  Index stride_dx;  // of dx and dhw
  bool to_start;    // whether the gradient of h0 is wanted
  T* dh;            // [B, H] in: gradient of the last state; out: of h0, where that is wanted
  T* dc;            // [B, H] LSTM, likewise
};
template <class T>
void recurrent_backward(Recurrence kind, const Steps& steps, Index hidden,
                        const RecurrentBackward<T>& args);

// The state before each row: [N, H] from rows and h0.
template <class T>
void previous_rows(const Steps& steps, Index hidden, const T* rows, const T* h0, T* out);

// One step for a few rows, without packing: x [m, D] and h, c [m, H] give next_h, next_c (which may
// be the same).
template <class T>
struct RecurrentStepArguments {
  const T *x, *wx, *b, *wh, *bhn, *h, *c;
  T *next_h, *next_c;
};
template <class T>
void recurrent_step(Recurrence kind, Index m, Index dim, Index hidden,
                    const RecurrentStepArguments<T>& args);

}  // namespace unroll::kernels
