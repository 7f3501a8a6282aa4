// One step of a recurrent cell for a stream, on plain tensors.
#pragma once

#include <unroll/tensor/kernels/gates.h>
#include <unroll/tensor/tensor.h>

#include <utility>

namespace unroll {

struct RecurrentStep {
  const Tensor& x;    // [B, D], or [B, G H] where it is projected already
  const Tensor* wx;   // [D, G H], or null where x is projected
  const Tensor* b;    // [G H] or null
  const Tensor& wh;   // [H, G H]
  const Tensor* bhn;  // [H] or null: GRU's bias inside the reset gate
  const Tensor& h;    // [B, H]
  const Tensor* c;    // [B, H] LSTM, else null
};
// Throws unless it all fits together: x [rows, D], states of `batch` rows.
void check_recurrent(const char* op, kernels::Recurrence kind, const RecurrentStep& step,
                     Index rows, Index batch);
// The next h and (of an LSTM) c.
std::pair<Tensor, Tensor> recurrent_step(kernels::Recurrence kind, const RecurrentStep& step);

}  // namespace unroll
