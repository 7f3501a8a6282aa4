// The kinds of recurrent layers. Private: users name a layer (nn/recurrent.h).
#pragma once

#include <unroll/tensor/types.h>

namespace unroll {

enum class Recurrence : std::uint8_t { rnn_tanh, rnn_relu, lstm, gru };

// Blocks of H columns in a weight: LSTM i f g o, GRU r z n.
constexpr Index gates_of(Recurrence kind) {
  return kind == Recurrence::lstm ? 4 : kind == Recurrence::gru ? 3 : 1;
}

}  // namespace unroll
