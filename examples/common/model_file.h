// --save, --load and --resume: the parameters of a model, metadata that identify the model, and the
// state of its training run.
#pragma once

#include "examples/common/program.h"
#include "examples/common/training.h"

#include <unroll/nn/save.h>
#include <unroll/tensor/error.h>
#include <unroll/tensor/math.h>

#include <cmath>
#include <type_traits>

namespace program {

inline constexpr const char* kRun = "resume.";  // prefix of the run's state in a model file

// Throws if --save, --load or --resume is given and more than one model would be trained, since a
// file holds one. `models` lists the models for the message; `option` sets the number of runs.
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

// The contents of a model file: metadata, parameters by name, and the state of the run (--resume).
struct ModelFile {
  unroll::Metadata metadata;
  unroll::NamedTensors values, run;
};

// Reads a model file of unknown kind. Throws std::runtime_error if it was written by another
// program or contains a value that is not finite.
ModelFile read_model(const std::string& path, const std::string& program);

// Throws std::runtime_error if the file has fewer values than a model of the sizes in its metadata
// has at least. Call it before the model is made: sizes in a damaged file may be too large for
// memory.
void check_values(const std::string& path, const ModelFile& file, double at_least);

// Loads the parameters from a file whose metadata equals `expected`.
template <class Model>
Curves load_model(const std::string& path, Model& model, const unroll::Metadata& expected) {
  ModelFile file = read_model(path, expected.at("program"));
  check_expected(path, file.metadata, expected);
  unroll::nn::assign(path, std::move(file.values), unroll::nn::state(model),
                     {.layout = unroll::nn::WeightLayout::in_out});
  return remembered(path, file.metadata);
}

// Loads the parameters of a resumed run, and returns its state.
template <class Model>
Checkpoint resume_model(const std::string& path, Model& model, const unroll::Metadata& expected) {
  ModelFile file = read_model(path, expected.at("program"));
  check_expected(path, file.metadata, expected);
  Checkpoint checkpoint = read_checkpoint(path, kRun, file.run, file.metadata);
  unroll::nn::assign(path, std::move(file.values), unroll::nn::state(model),
                     {.layout = unroll::nn::WeightLayout::in_out});
  return checkpoint;
}

// Writes the parameters and buffers of a model, and the state of its run if it can be resumed, and
// prints where. Does nothing if the run was interrupted before an epoch ended or improved on the
// initial model, so that it does not overwrite a good model.
void save_model(const std::string& path, const unroll::NamedParams& model, const Curves& curves,
                const Checkpoint& checkpoint, unroll::Metadata metadata);
bool worth_saving(const Curves& curves, const std::string& path);

// Reports the epoch and validation loss of the kept parameters as <name>.epoch and
// <name>.validation.
void report_origin(const Curves& curves, const std::string& name, Report& report);

// Loads the model (--load), or trains it with `train` (with --resume from where it stopped), and
// saves it (--save). `metadata` has the key "program" and everything that must be equal in a loaded
// file, such as the sizes of the model. train(checkpoint) gives the checkpoint to program::train
// (Training::checkpoint) and returns the Curves; a program without --resume may pass train().
template <class Model, class Train>
Curves load_or_train(const Options& o, Model& model, unroll::Metadata metadata,
                     const std::string& name, Report& report, Train&& train) {
  const unroll::Metadata expected = metadata;
  if (o.about->takes.resume) metadata.merge(o.given_options());
  if (!o.save.empty()) check_metadata(metadata);
  Checkpoint checkpoint;
  if (!o.resume.empty()) checkpoint = resume_model(o.resume, model, expected);
  Curves curves;
  if (!o.load.empty())
    curves = load_model(o.load, model, expected);
  else if constexpr (std::is_invocable_v<Train, Checkpoint&>)
    curves = train(checkpoint);
  else
    curves = train();
  if (!o.save.empty())
    save_model(o.save, unroll::nn::state(model), curves, checkpoint, std::move(metadata));
  report_origin(curves, name, report);
  return curves;
}

}  // namespace program
