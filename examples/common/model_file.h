// --save and --load: a model's parameters, and what the model is, so that a file is not taken for
// another.
#pragma once

#include "examples/common/program.h"
#include "examples/common/training.h"

#include <unroll/nn/save.h>
#include <unroll/tensor/error.h>
#include <unroll/tensor/math.h>

#include <cmath>

namespace program {

// One file holds one model, trained once: `models` are those that there are, `option` says how
// often each is trained.
void check_one_model(const Options& o, const std::string& model, const std::string& models,
                     const std::string& option, unroll::Index times);

// Throws std::invalid_argument where a file cannot hold this.
void check_metadata(const unroll::Metadata& metadata);

// Where the parameters that were kept come from, as metadata and back.
void remember(const Curves& curves, unroll::Metadata& metadata);
Curves remembered(const std::string& path, const unroll::Metadata& metadata);

// The parameters from a file that says of itself what `expected` says.
template <class Model>
Curves load_model(const std::string& path, Model& model, const unroll::Metadata& expected) {
  unroll::Metadata found;
  unroll::NamedTensors values = unroll::load_safetensors(path, &found);
  for (const auto& [key, value] : expected)
    unroll::check_io(found[key] == value, "{}: a model with {} \"{}\" was required: got \"{}\"",
                     path, key, unroll::excerpt(value), unroll::excerpt(found[key]));
  for (const auto& [name, value] : values)
    unroll::check_io(unroll::all_finite(value),
                     "{}: finite numbers were required in \"{}\": got others", path,
                     unroll::excerpt(name));
  unroll::nn::assign(path, std::move(values), unroll::nn::state(model),
                     {.layout = unroll::nn::WeightLayout::in_out});
  return remembered(path, found);
}

// The model from --load, or else as `train` makes it, which returns its Curves; --save writes it.
// The report has where its parameters come from, as <name>.validation and <name>.epoch.
template <class Model, class Train>
Curves load_or_train(const Options& o, Model& model, unroll::Metadata metadata,
                     const std::string& name, Report& report, Train&& train) {
  if (!o.save.empty()) check_metadata(metadata);
  const Curves curves = o.load.empty() ? train() : load_model(o.load, model, metadata);
  remember(curves, metadata);
  if (!o.save.empty()) {
    unroll::nn::save(o.save, model, metadata);
    fmt::print("Model: {}\n", o.save);
  }
  if (!std::isnan(curves.kept_loss)) {
    report.add(name + ".validation", curves.kept_loss);
    report.add(name + ".epoch", static_cast<double>(curves.kept_epoch));
  }
  return curves;
}

}  // namespace program
