#include "examples/lab/common/signed_scan.h"

#include <unroll/autograd/sequence/scan.h>

namespace lab {

using unroll::Index;
using unroll::Var;
namespace nn = unroll::nn;

SignedScan::SignedScan(const Options& o)
    : embed({.vocab = o.ids, .dim = o.embedding}), head({.in = o.dim, .out = o.outputs}) {
  for (Index i = 0; i < o.layers; ++i)
    layers.emplace_back(nn::Linear::Options{.in = i == 0 ? o.embedding : o.dim, .out = 2 * o.dim});
}

Var SignedScan::operator()(const nn::Tokens& x) const {
  Var h = nn::Sequence(embed(x)).rows;  // [N, D]
  const Index hidden = head.weight.shape()[0];
  for (const nn::Linear& layer : layers) {
    const Var projected = layer(h);  // [N, 2 H]
    const Var a = tanh(narrow(projected, 1, 0, hidden)), v = narrow(projected, 1, hidden, hidden);
    h = scan(a, (1 - abs(a)) * v, {}, x.layout).rows;  // [N, H]
  }
  return head(h);
}

}  // namespace lab
