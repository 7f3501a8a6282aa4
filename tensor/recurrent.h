// One time step of a recurrent layer on plain tensors, for streaming.
#pragma once

#include <unroll/tensor/recurrence.h>
#include <unroll/tensor/tensor.h>

#include <utility>

namespace unroll {

// The operands of a step: inputs, weights and states.
struct RecurrentStep {
  const Tensor& x;    // [B, D], or [B, G H] if already projected
  const Tensor* wx;   // [D, G H], or null if x is already projected
  const Tensor* b;    // [G H] or null
  const Tensor& wh;   // [H, G H]
  const Tensor* bhn;  // [H] or null: GRU's bias inside the reset gate
  const Tensor& h;    // [B, H]
  const Tensor* c;    // [B, H] for LSTM, otherwise null
};
// Throws std::invalid_argument unless all shapes fit: x [rows, D], states of `batch` rows.
void check_recurrent(const char* op, Recurrence kind, const RecurrentStep& step, Index rows,
                     Index batch);
// The next h, and for an LSTM the next c.
std::pair<Tensor, Tensor> recurrent_step(Recurrence kind, const RecurrentStep& step);

}  // namespace unroll
