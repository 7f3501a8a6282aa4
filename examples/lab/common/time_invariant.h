// Mamba without selection: a time-invariant scan, as in S4D (Gu et al. 2022), in the same blocks.
//
//   h' = exp(delta a) h + delta b x;  y = c h + d x
//
// In Mamba, delta, b and c are functions of the input; here they are trained constants. This is the
// comparison of Gu and Dao 2023, table 1 (S4 and S6 in the architecture of Mamba), with real a.
#pragma once

#include "examples/lab/common/control_options.h"

#include <unroll/nn/layers.h>
#include <unroll/nn/mamba.h>

namespace lab {

struct TimeInvariant {
  using Options = ControlOptions;
  explicit TimeInvariant(const Options& options);
  unroll::Var operator()(const unroll::nn::Tokens& x) const;  // [N, outputs]

  unroll::nn::Embedding embed;
  unroll::nn::Linear input;
  unroll::nn::Mamba mamba;
  unroll::nn::Linear head;
  UNROLL_FIELDS(embed, input, mamba, head)
};

}  // namespace lab
