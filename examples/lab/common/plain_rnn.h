// An RNN in plain ops, which the tape differentiates: its time steps share their parameters, or
// each has its own. It is shown on the page of the lab.
//
// B sequences of T steps, V ids, H units, C classes.
#pragma once

#include <unroll/nn/init.h>
#include <unroll/nn/module.h>
#include <unroll/nn/sequence.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace lab {

namespace nn = unroll::nn;
using unroll::Index;
using unroll::Param;
using unroll::Tensor;
using unroll::Var;

// The parameters of a time step.
struct Step {
  Param u, w, b;  // [V, H], [H, H], [H]
  UNROLL_FIELDS(u, w, b)
};

struct PlainRnn {
  std::vector<Step> steps;  // one for all time steps, or one for each
  Param v, c;               // [H, C], [C]
  UNROLL_FIELDS(steps, v, c)

  PlainRnn(Index ids, Index units, Index classes, Index count) {
    const double bound = 1 / std::sqrt(static_cast<double>(units));
    for (Index t = 0; t < count; ++t)
      steps.push_back({Param(nn::uniform({ids, units}, -bound, bound)),
                       Param(nn::orthogonal({units, units})), Param(Tensor::zeros({units}))});
    v = Param(nn::uniform({units, classes}, -bound, bound));
    c = Param(Tensor::zeros({classes}));
  }

  // Sequences of equal length: h_t = tanh(x_t U + h_(t-1) W + b), and h_T V + c at the end. Time
  // steps beyond the last separate one use its parameters.
  Var operator()(const nn::Tokens& x) const {
    Var h = Tensor::zeros({x.size(), v.shape()[0]});  // [B, H]
    for (Index t = 0; t < x.layout.steps(); ++t) {
      const Step& s = steps[std::min(static_cast<std::size_t>(t), steps.size() - 1)];
      const auto ids = x.ids.narrow(0, t * x.size(), x.size());  // [B]
      h = tanh(embedding(ids, s.u) + matmul(h, s.w) + s.b);
    }
    return matmul(h, v) + c;  // [B, C]
  }
};

// The lines above from "The parameters of a time step", as the file has them.
std::string plain_rnn_source();

}  // namespace lab
