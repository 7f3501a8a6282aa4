// LRU, a time-invariant scan with complex states (Orvieto et al. 2023), for ids.
//
//   h' = lambda h + gamma b x,  lambda = exp(-exp(nu) + i theta);  y = Re(c h) + d x
//
// in blocks x + glu(gelu(y of rms_norm(x))). lambda, gamma, b and c are trained constants. The scan
// is real: g_t = exp(-i theta t) h_t has the factor |lambda|. N rows, D dim, H states.
#pragma once

#include "examples/lab/common/control_options.h"

#include <unroll/nn/layers.h>

#include <vector>

namespace lab {

class LruBlock {
 public:
  explicit LruBlock(unroll::Index dim);
  // The states [N, 2 H] (real, imaginary) for rows [N, D].
  unroll::Var states(const unroll::Var& x, const unroll::SequenceLayout& layout) const;
  unroll::Var operator()(const unroll::Var& x, const unroll::SequenceLayout& layout) const;

  unroll::nn::RMSNorm norm;
  unroll::nn::Linear b, c;                // [D, 2 H] without bias, [2 H, D]
  unroll::Param nu, theta, log_gamma, d;  // [H], [H], [H], [D]
  unroll::nn::Linear glu;                 // [D, 2 D]
  UNROLL_FIELDS(norm, b, c, nu, theta, log_gamma, d, glu)
};

struct Lru {
  using Options = ControlOptions;
  explicit Lru(const Options& options);
  unroll::Var operator()(const unroll::nn::Tokens& x) const;  // [N, outputs]

  unroll::nn::Embedding embed;
  unroll::nn::Linear input;  // [embedding, D]
  std::vector<LruBlock> blocks;
  unroll::nn::Linear head;
  UNROLL_FIELDS(embed, input, blocks, head)
};

}  // namespace lab
