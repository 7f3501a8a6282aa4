#include "examples/lab/common/time_invariant.h"

#include <unroll/nn/init.h>

namespace lab {

using unroll::Index;
using unroll::Tensor;
namespace nn = unroll::nn;

TimeInvariant::TimeInvariant(const Options& o)
    : embed({.vocab = o.ids, .dim = o.embedding}),
      input({.in = o.embedding, .out = o.dim}),
      mamba({.dim = o.dim, .layers = o.layers}),
      head({.in = o.dim, .out = o.outputs}) {
  for (nn::MambaCell& block : mamba.blocks.layers) {
    // Without its weight, what x_proj computes is its bias: delta (before dt_proj), b and c.
    const Index channels = block.x_proj.weight.shape()[0], all = block.x_proj.weight.shape()[1],
                states = block.a_log.shape()[1], rank = all - 2 * states;
    block.x_proj.weight.set_value(Tensor::zeros({channels, all}));
    block.x_proj.weight.set_trainable(false);
    block.x_proj.bias = unroll::Param(unroll::concat({Tensor::zeros({rank}), Tensor::ones({states}),
                                                      unroll::default_generator().normal({states})},
                                                     0));
  }
}

unroll::Var TimeInvariant::operator()(const nn::Tokens& x) const {
  return head(mamba(input(embed(x))).sequence).rows;
}

}  // namespace lab
