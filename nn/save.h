// Saving and loading a model by the names of its parameters and buffers (safetensors).
#pragma once

#include <unroll/nn/module.h>
#include <unroll/tensor/safetensors.h>

namespace unroll::nn {

// How a weight with two axes stands in a file. A square one does not show it, and a model whose
// square weights are transposed computes garbage without an error.
enum class WeightLayout {
  unknown,  // what the file says of itself; refused where that is nothing and a weight is square
  in_out,   // [in, out], as here
  out_in  // [out, in], as PyTorch's Linear: each weight but the tables of embeddings is transposed
};

struct LoadOptions {
  bool strict = true;       // names missing in the file or unknown to the model are errors
  std::string prefix = {};  // take only names that begin so ("encoder."), without it
  WeightLayout layout = WeightLayout::unknown;
  Metadata* metadata = nullptr;  // filled where given
};

// What was left as it was because of strict = false, or prefix.
struct Loaded {
  std::vector<std::string> missing;  // names of the model that were not found
  std::vector<std::string> unused;   // names in the file that the model does not have
};

// Writes every parameter and buffer under its name, with `metadata`, in which keys that begin with
// "unroll." are the library's own. The file is replaced as a whole or not at all.
void save(const std::string& path, const NamedParams& params, const Metadata& metadata = {});

// Throws std::runtime_error that lists every missing, extra and misshapen name; nothing has been
// changed then. Not even without strict is a file taken that has none of the names. Numbers are
// converted to the type of the model.
Loaded load(const std::string& path, const NamedParams& params, const LoadOptions& options = {});

// The same with tensors that were read before; `origin` says in messages where they are from.
Loaded assign(const std::string& origin, NamedTensors values, const NamedParams& params,
              const LoadOptions& options = {});

template <class M>
requires detail::Module<const M>
void save(const std::string& path, const M& model, const Metadata& metadata = {}) {
  save(path, state(model), metadata);
}
template <class M>
requires detail::Module<const M> Loaded load(const std::string& path, M& model,
                                             const LoadOptions& options = {}) {
  return load(path, state(model), options);
}

}  // namespace unroll::nn
