// --save and --load: a model's parameters, and what the model is, so that a file is not taken for
// another.
#pragma once

#include <unroll/nn/save.h>

namespace program {

// The parameters from a file that says of itself what `expected` says.
template <class Model>
void load_model(const std::string& path, Model& model, const unroll::Metadata& expected) {
  unroll::Metadata found;
  unroll::load_safetensors(path, &found);
  for (const auto& [key, value] : expected)
    unroll::check_io(found[key] == value, "{}: a model with {} \"{}\" was required: got \"{}\"",
                     path, key, value, found[key]);
  unroll::nn::load(path, model);
}

}  // namespace program
