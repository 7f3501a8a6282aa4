// --save and --load: the parameters of a model, with metadata that identifies the model.
#pragma once

#include "examples/common/program.h"
#include "examples/common/training.h"

#include <unroll/nn/save.h>
#include <unroll/tensor/error.h>
#include <unroll/tensor/math.h>

#include <cmath>

namespace program {

// Throws unless one model is trained once, since a file holds one model. `models` lists the
// possible models for the message; `option` is the option for the number of runs.
void check_one_model(const Options& o, const std::string& model, const std::string& models,
                     const std::string& option, unroll::Index times);

// Throws std::invalid_argument if the metadata cannot be stored in a file.
void check_metadata(const unroll::Metadata& metadata);

// Stores the epoch and loss of the kept parameters in metadata, and reads them back.
void remember(const Curves& curves, unroll::Metadata& metadata);
Curves remembered(const std::string& path, const unroll::Metadata& metadata);

// Throws std::runtime_error if the metadata in a file differs from what was expected.
void check_expected(const std::string& path, const unroll::Metadata& found,
                    const unroll::Metadata& expected);

// The contents of a model file: metadata, and parameters by name.
struct ModelFile {
  unroll::Metadata metadata;
  unroll::NamedTensors values;
};

// Reads a model file of unknown kind. Throws std::runtime_error if it was written by another
// program or contains a value that is not finite.
ModelFile read_model(const std::string& path, const std::string& program);

// Loads the parameters from a file whose metadata equals `expected`.
template <class Model>
Curves load_model(const std::string& path, Model& model, const unroll::Metadata& expected) {
  ModelFile file = read_model(path, expected.at("program"));
  check_expected(path, file.metadata, expected);
  unroll::nn::assign(path, std::move(file.values), unroll::nn::state(model),
                     {.layout = unroll::nn::WeightLayout::in_out});
  return remembered(path, file.metadata);
}

// Whether there is anything worth saving. A run interrupted before the end of its first epoch, or
// before an epoch improved on the initial model, must not overwrite a good model.
bool worth_saving(const Curves& curves, const std::string& path);

// Reports the epoch and validation loss of the kept parameters as <name>.epoch and
// <name>.validation.
void report_origin(const Curves& curves, const std::string& name, Report& report);

// Loads the model (--load), or else trains it with `train`, which returns its Curves. Saves it with
// --save.
template <class Model, class Train>
Curves load_or_train(const Options& o, Model& model, unroll::Metadata metadata,
                     const std::string& name, Report& report, Train&& train) {
  if (!o.save.empty()) check_metadata(metadata);
  const Curves curves = o.load.empty() ? train() : load_model(o.load, model, metadata);
  remember(curves, metadata);
  if (!o.save.empty() && worth_saving(curves, o.save)) {
    unroll::nn::save(o.save, model, metadata);
    say("Model: {}\n", o.save);
  }
  report_origin(curves, name, report);
  return curves;
}

}  // namespace program
