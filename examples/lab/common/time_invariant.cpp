#include "examples/lab/common/time_invariant.h"

#include <unroll/nn/init.h>

#include <algorithm>
#include <cstdlib>

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

Index TimeInvariant::parameter_count() const {
  Index out = 0;
  for (const unroll::NamedParam& p : nn::parameters(*this))
    if (p.param->trainable) out += p.param->value().numel();
  return out;
}

TimeInvariant TimeInvariant::of_size(Options options, Index parameters, std::uint64_t seed) {
  const auto distance = [&](Index dim) {
    options.dim = dim;
    return std::abs(TimeInvariant(options).parameter_count() - parameters);
  };
  Index dim = 1;
  while (distance(dim + 1) < distance(dim)) ++dim;
  options.dim = dim;
  unroll::manual_seed(seed);
  return TimeInvariant(options);
}

}  // namespace lab
