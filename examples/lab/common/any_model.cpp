#include "examples/lab/common/any_model.h"

#include "examples/lab/common/lru.h"
#include "examples/lab/common/signed_scan.h"
#include "examples/lab/common/time_invariant.h"

#include <cstdlib>
#include <memory>

namespace lab {
namespace {

template <class Model>
Index size_of(const Model& model) {
  Index out = 0;
  for (const unroll::NamedParam& p : nn::parameters(model))
    if (p.param->trainable) out += p.param->value().numel();
  return out;
}

template <class Model>
AnyModel any(Model&& of) {
  const auto model = std::make_shared<Model>(std::forward<Model>(of));
  return {
      [model](const Batch& batch) { return index_select((*model)(batch.ids), 0, batch.scored); },
      nn::parameters(*model), size_of(*model)};
}

// A model whose width gives about `parameters` parameters.
template <class Model>
AnyModel sized(const AnyModelOptions& o) {
  typename Model::Options options{.ids = o.ids, .outputs = o.outputs};
  const auto distance = [&](Index dim) {
    options.dim = dim;
    return std::abs(size_of(Model(options)) - o.parameters);
  };
  Index dim = 1;
  while (distance(dim + 1) < distance(dim)) ++dim;
  options.dim = dim;
  unroll::manual_seed(o.seed);
  return any(Model(options));
}

}  // namespace

AnyModel any_model(const AnyModelOptions& o) {
  if (o.kind == "lru") return sized<Lru>(o);
  if (o.kind == "mamba-constant") return sized<TimeInvariant>(o);
  if (o.kind == "signed-scan") return sized<SignedScan>(o);
  NetworkOptions options;
  options.reader.kind = o.kind, options.ids = o.ids, options.outputs = o.outputs;
  options.parameters = o.parameters, options.seed = o.seed;
  return any(Network(options));
}

}  // namespace lab
