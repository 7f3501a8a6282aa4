#include "examples/lab/common/gates.h"

#include <unroll/tensor/error.h>

namespace lab {
namespace {

// A parameter of the first layer, by its name.
Var param(const Network& network, const std::string& name) {
  for (const unroll::NamedParam& p : nn::parameters(network))
    if (p.name == "reader.layers.0." + name) return unroll::Param(p.param);
  unroll::fail("gates_along: a layer with the parameter {} was required: got none", name);
}

void add(Gates& gates, std::initializer_list<Var> open) {
  std::size_t k = 0;
  for (const Var& gate : open) gates.open[k++].push_back(mean(gate.detach()).item());
}

}  // namespace

Gates gates_along(const Network& network, const std::vector<Index>& ids) {
  const std::string& kind = network.reader.options().kind;
  unroll::check((kind == "gru" || kind == "lstm") && network.embed &&
                    program::layers_of(network.reader.options()) == 1,
                "gates_along: one layer of kind gru or lstm that reads ids was required: got {}",
                kind);
  const Index size = network.reader.output_size();
  const auto block = [&](const Var& x, Index k) { return narrow(x, 1, k * size, size); };
  const Var x = nn::Sequence((*network.embed)(nn::Tokens::from({ids}))).rows;  // [T, D]
  const Var px = linear(x, param(network, "wx"), param(network, "b"));         // [T, G H]
  const Var wh = param(network, "wh");
  Var h = unroll::Tensor::zeros({1, size}), c = h;
  Gates out;
  out.names = kind == "gru" ? std::vector<std::string>{"reset", "update"}
                            : std::vector<std::string>{"input", "forget", "output"};
  out.open.resize(out.names.size());
  for (Index t = 0; t < static_cast<Index>(ids.size()); ++t) {
    const Var a = narrow(px, 0, t, 1), b = matmul(h, wh);  // [1, G H]
    const auto gate = [&](Index k) { return sigmoid(block(a, k) + block(b, k)); };
    if (kind == "gru") {
      const Var r = gate(0), z = gate(1),
                n = tanh(block(a, 2) + r * (block(b, 2) + param(network, "bhn")));
      h = z * h + (1.0 - z) * n;
      add(out, {r, 1.0 - z.detach()});
    } else {
      const Var i = gate(0), f = gate(1), g = tanh(block(a, 2) + block(b, 2)), o = gate(3);
      c = f * c + i * g;
      h = o * tanh(c);
      add(out, {i, f, o});
    }
    out.states.push_back(h);
  }
  return out;
}

}  // namespace lab
