// The gates of a GRU or LSTM along a sequence, computed from the parameters of a trained network in
// plain ops, one step after another.
#pragma once

#include "examples/lab/common/experiment.h"
#include "examples/lab/common/network.h"

namespace lab {

struct Gates {
  std::vector<std::string> names;  // of a GRU reset and update, of an LSTM input, forget and output
  // How far each gate is open at each step, the mean over the units. The update gate of a GRU is
  // 1 - z here: the share of the state that is replaced.
  std::vector<Numbers> open;
  std::vector<Var> states;  // h_t [1, H] after each step
};
// Throws std::invalid_argument unless the network reads ids with one layer of kind gru or lstm. On
// a tape, the steps are recorded.
Gates gates_along(const Network& network, const std::vector<Index>& ids);

}  // namespace lab
