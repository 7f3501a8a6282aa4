// Saves and loads models by the names of their parameters and buffers, in safetensors files. Ids
// (IndexBuffer) are stored as 64-bit integers.
#pragma once

#include <unroll/nn/module.h>
#include <unroll/tensor/safetensors.h>

namespace unroll::nn {

// How a file stores a weight with two axes. A square weight does not show it, and a model with
// transposed weights would silently compute garbage.
enum class WeightLayout {
  unknown,  // as recorded in the file; if it is not and a weight is square: an error
  in_out,   // [in, out], as in this library
  out_in    // [out, in], as in PyTorch's Linear; weights are transposed, embedding tables not
};

struct LoadOptions {
  bool strict = true;  // it is an error if a name is missing in the file or unknown to the model
  std::string prefix = {};  // use only names with this prefix ("encoder."), and remove it
  WeightLayout layout = WeightLayout::unknown;
  Metadata* metadata = nullptr;  // if given: gets the metadata of the file
};

// Names without a counterpart, with strict = false or a prefix.
struct Loaded {
  std::vector<std::string> missing;  // in the model, but not in the file
  std::vector<std::string> unused;   // in the file, but not in the model
};

// Writes all parameters and buffers under their names, with `metadata`, in which keys that begin
// with "unroll." are reserved. The file is replaced atomically.
void save(const std::string& path, const NamedParams& params, const Metadata& metadata = {});

// Loads a file into a model. Throws std::runtime_error with a list of all missing, unknown and
// misshapen names, before changing anything. A file with none of the names is always refused.
// Elements are converted to the dtype of the model; for ids, each must be an integer.
Loaded load(const std::string& path, const NamedParams& params, const LoadOptions& options = {});

// The same with tensors and ids read before; `origin` names their source in messages. A buffer of
// ids is found in either map. `metadata` of the options is not used.
Loaded assign(const std::string& origin, NamedTensors values, const NamedParams& params,
              const LoadOptions& options = {}, NamedIds ids = {});

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
