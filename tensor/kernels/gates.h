// What the kinds of recurrence differ in: one pass over the gates of a few rows of a step, forward
// and backward, without temporaries.
//
// H hidden, G gate blocks: RNN 1, GRU 3 (r z n), LSTM 4 (i f g o). The equations are PyTorch's. An
// array that the kind does not have is null; rows are H elements apart where no stride is given.
#pragma once

#include <unroll/tensor/kernels/dispatch.h>
#include <unroll/tensor/recurrence.h>

namespace unroll::kernels {

template <class T>
struct GateKernels;

// Elements saved for each row in addition to the output: LSTM i f g o c, GRU r z n q with q = h whn
// + bhn.
constexpr Index saved_of(Recurrence kind) {
  return kind == Recurrence::lstm ? 5 : kind == Recurrence::gru ? 4 : 0;
}
// Whether the product with the state may start from the projected input, so that their sum is all
// that the gates need. The GRU's reset gate stands between the two.
constexpr bool sums_products(Recurrence kind) { return kind != Recurrence::gru; }

template <class T>
struct GatesForward {
  const T* x;  // [rows, G H] projected inputs: read where the kind does not sum its products
  Index stride_x;
  const Index* ids;  // [rows] whose row of x each is, or null
  T* z;  // [rows, G H] product with the state, or the sum of both where the kind sums them; what
         // becomes of it is the kind's affair
  Index stride_z;
  const T* bias;      // [H] GRU's bhn, or null
  const T* h_before;  // [rows, H]
  const T* c_before;  // [rows, H] LSTM
  Index stride_c_before;
  T* saved;  // [rows, saved_of(kind) H] the GRU's, or null; the LSTM's gates stay in z, c goes to
             // `c`
  Index stride_saved;
  T* out;  // [rows, H]
  T* c;    // [rows, H] LSTM
  Index stride_c;
};
template <class T>
void gates_forward(Recurrence kind, Index rows, Index hidden, const GatesForward<T>& a) {
  table<GateKernels, T>().gates_forward(kind, rows, hidden, a);
}

template <class T>
struct GatesBackward {
  const T* out;    // [rows, H]
  const T* saved;  // as forward saves it, with c behind the LSTM's gates
  Index stride_saved;
  const T* h_before;  // [rows, H]
  const T* c_before;  // [rows, H] LSTM
  Index stride_c_before;
  const T* d_out;  // [rows, H], or null
  T* dh;           // [rows, H] in: gradient from later steps; GRU out: what goes around the product
  T* dc;           // [rows, H] LSTM, in: from later steps; out: for the step before
  T* dx;           // [rows, G H] out: of the projected inputs
  T* dhw;          // [rows, G H] out, GRU: of the product with the state; else null
  Index stride_dx;  // of dx and dhw
};
template <class T>
void gates_backward(Recurrence kind, Index rows, Index hidden, const GatesBackward<T>& a) {
  table<GateKernels, T>().gates_backward(kind, rows, hidden, a);
}

template <class T>
struct GateKernels {
  decltype(&kernels::gates_forward<T>) gates_forward;
  decltype(&kernels::gates_backward<T>) gates_backward;
};

}  // namespace unroll::kernels
