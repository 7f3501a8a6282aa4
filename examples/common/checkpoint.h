// --resume: the state of a training run, beside the model, from which it continues exactly.
#pragma once

#include "examples/common/terminal.h"

#include <unroll/optim/optimizer.h>
#include <unroll/tensor/random.h>
#include <unroll/tensor/safetensors.h>

#include <cmath>
#include <string>
#include <vector>

namespace program {

// The losses of each epoch, and the epoch and loss of the parameters that are kept.
struct Curves {
  std::vector<double> train, validation;
  unroll::Index kept_epoch = 0;     // 0: the initial parameters
  double kept_loss = std::nan("");  // on the validation part; NaN if unknown
};

struct Training {
  std::string label;  // of the progress bar
  unroll::Index epochs = 0;
  // If above 0: early stopping after this many epochs without a better validation loss. The
  // parameters with the best one are then restored.
  unroll::Index patience = 0;
  // The state that --resume restores, beside the model and the thread's default_generator(). It
  // needs all of these that the run uses; without a checkpoint nothing is recorded.
  unroll::optim::Optimizer* optimizer = nullptr;
  unroll::Generator* random = nullptr;  // the program's own, if it has one
  struct Checkpoint* checkpoint = nullptr;
  // Set it if the learning rate depends on `epochs`: a run cannot be resumed with another number.
  bool fixed_epochs = false;
};

// The state of a run after its last whole epoch.
struct Checkpoint {
  Curves curves;              // empty: nothing is done yet
  unroll::Index planned = 0;  // Training::epochs
  unroll::optim::State optimizer;
  // The last parameters; empty unless early stopping keeps better ones in the model.
  unroll::NamedTensors last;
  struct Position {
    std::uint64_t seed = 0, position = 0;
  };
  Position random, of_default;  // of the generators

  unroll::Index epochs() const { return static_cast<unroll::Index>(curves.train.size()); }
};

// Records the state of a run in its checkpoint, if it has one.
void record(const Training& run, const Curves& curves, const unroll::NamedParams& params);
// Brings optimizer, generators and parameters to the state in the run's checkpoint. Throws
// std::invalid_argument if the run has done more epochs than are asked for.
void restore(const Training& run, const unroll::NamedParams& params);

// Adds a checkpoint to the values and metadata of a model file, under names that begin with
// `prefix`; and reads it from those of a loaded file. Throws std::runtime_error if it is missing or
// damaged.
void write_checkpoint(const Checkpoint& checkpoint, const std::string& prefix,
                      unroll::NamedTensors& values, unroll::Metadata& metadata);
Checkpoint read_checkpoint(const std::string& path, const std::string& prefix,
                           const unroll::NamedTensors& values, const unroll::Metadata& metadata);

}  // namespace program
