// Saving and loading a model by the names of its parameters (safetensors).
#pragma once

#include <unroll/nn/module.h>
#include <unroll/tensor/safetensors.h>

namespace unroll::nn {

void save(const std::string& path, const NamedParams& params, const Metadata& metadata = {});

struct LoadOptions {
  bool strict = true;            // names missing in the file or unknown to the model are errors
  Metadata* metadata = nullptr;  // filled where given
};
// Throws std::runtime_error that lists every missing, extra and misshapen name; nothing has been
// changed then.
void load(const std::string& path, const NamedParams& params, const LoadOptions& options = {});

// The same with tensors that were read before; `origin` says in messages where they are from.
void assign(const std::string& origin, NamedTensors values, const NamedParams& params,
            bool strict = true);

template <class M>
requires detail::Module<const M>
void save(const std::string& path, const M& model, const Metadata& metadata = {}) {
  save(path, parameters(model), metadata);
}
template <class M>
requires detail::Module<const M>
void load(const std::string& path, M& model, const LoadOptions& options = {}) {
  load(path, parameters(model), options);
}

}  // namespace unroll::nn
