#include "examples/lab/common/lru.h"

#include <unroll/autograd/sequence/scan.h>
#include <unroll/nn/init.h>

#include <cmath>
#include <numbers>

namespace lab {

using unroll::Index;
using unroll::Param;
using unroll::Tensor;
using unroll::Var;
namespace nn = unroll::nn;

namespace {
constexpr double kSmallest = 0.9, kLargest = 0.999;  // of |lambda| at first
}  // namespace

LruBlock::LruBlock(Index dim)
    : norm({.dim = dim}),
      b({.in = dim, .out = 2 * dim, .bias = false}),
      c({.in = 2 * dim, .out = dim}),
      glu({.in = dim, .out = 2 * dim}) {
  // |lambda|^2 is uniform (the ring of the paper), and gamma keeps the size of the state.
  const Tensor squared = nn::uniform({dim}, kSmallest * kSmallest, kLargest * kLargest, {});  // [H]
  nu = Param(log(log(squared) * -0.5));
  log_gamma = Param(log(1 - squared) * 0.5);
  theta = Param(nn::uniform({dim}, 0, std::numbers::pi / 4, {}));
  d = Param(unroll::default_generator().normal({dim}));
}

Var LruBlock::states(const Var& x, const unroll::SequenceLayout& layout) const {
  const Index h = nu.shape()[0], rows = x.shape()[0];
  const unroll::IndexTensor at = layout.time_of_rows();
  Tensor time = Tensor::empty({rows, 1});
  for (Index n = 0; n < rows; ++n) time.set({n, 0}, static_cast<double>(at[n]));
  const Var angle = theta * time, cosine = cos(angle), sine = sin(angle);  // [N, H]
  const Var scaled = b(x);                                                 // [N, 2 H]
  const Var gamma = exp(log_gamma), re = narrow(scaled, 1, 0, h) * gamma,
            im = narrow(scaled, 1, h, h) * gamma;
  const Var decay = expand(exp(-exp(nu)), {rows, h});
  const Var turned_re = scan(decay, re * cosine + im * sine, {}, layout).rows,
            turned_im = scan(decay, im * cosine - re * sine, {}, layout).rows;
  return unroll::concat(std::vector<Var>{turned_re * cosine - turned_im * sine,
                                         turned_re * sine + turned_im * cosine},
                        1);  // [N, 2 H]
}

Var LruBlock::operator()(const Var& x, const unroll::SequenceLayout& layout) const {
  const Index dim = x.shape()[1];
  const Var read = norm(x);
  const Var both = glu(gelu(c(states(read, layout)) + d * read));  // [N, 2 D]
  return x + narrow(both, 1, 0, dim) * sigmoid(narrow(both, 1, dim, dim));
}

Lru::Lru(const Options& o)
    : embed({.vocab = o.ids, .dim = o.embedding}),
      input({.in = o.embedding, .out = o.dim}),
      head({.in = o.dim, .out = o.outputs}) {
  for (Index i = 0; i < o.layers; ++i) blocks.emplace_back(o.dim);
}

Var Lru::operator()(const nn::Tokens& x) const {
  Var rows = nn::Sequence(input(embed(x))).rows;  // [N, D]
  for (const LruBlock& block : blocks) rows = block(rows, x.layout);
  return head(rows);
}

}  // namespace lab
