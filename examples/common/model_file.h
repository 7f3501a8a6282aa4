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

// Throws std::runtime_error where a file says something else of its model than was expected.
void check_expected(const std::string& path, const unroll::Metadata& found,
                    const unroll::Metadata& expected);

// A model file: what it says of itself, and its parameters by name.
struct ModelFile {
  unroll::Metadata metadata;
  unroll::NamedTensors values;
};

// Reads a file without knowing yet which model it holds. Throws std::runtime_error where it is of
// another program, or a value is not finite.
ModelFile read_model(const std::string& path, const std::string& program);

// The parameters from a file that says of itself what `expected` says.
template <class Model>
Curves load_model(const std::string& path, Model& model, const unroll::Metadata& expected) {
  ModelFile file = read_model(path, expected.at("program"));
  check_expected(path, file.metadata, expected);
  unroll::nn::assign(path, std::move(file.values), unroll::nn::state(model),
                     {.layout = unroll::nn::WeightLayout::in_out});
  return remembered(path, file.metadata);
}

// Is there anything to save? A run that was interrupted before the first epoch was over, or before
// one was better than no training, must not replace a good model.
bool worth_saving(const Curves& curves, const std::string& path);

// The report has where the parameters come from, as <name>.validation and <name>.epoch.
void report_origin(const Curves& curves, const std::string& name, Report& report);

// The model from --load, or else as `train` makes it, which returns its Curves; --save writes it.
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
