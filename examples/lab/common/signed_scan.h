// minGRU (Feng et al. 2024) with factors that can be negative (Grazzi et al. 2024), for ids.
//
//   h' = a h + (1 - |a|) v,  a = tanh(x wa + ba) in (-1, 1),  v = x wc + bc
//
// The minGRU has a = 1 - sigmoid(..) in (0, 1) instead. N rows, D columns, H hidden.
#pragma once

#include "examples/lab/common/control_options.h"

#include <unroll/nn/layers.h>

#include <vector>

namespace lab {

struct SignedScan {
  using Options = ControlOptions;
  explicit SignedScan(const Options& options);
  unroll::Var operator()(const unroll::nn::Tokens& x) const;  // [N, outputs]

  unroll::nn::Embedding embed;
  std::vector<unroll::nn::Linear> layers;  // [D, 2 H] or [H, 2 H]: a and v
  unroll::nn::Linear head;
  UNROLL_FIELDS(embed, layers, head)
};

}  // namespace lab
