// A sequence model of any kind with an output at each step, and its training on batches drawn at
// random. B sequences of T steps, N = B T rows in the order of the layout (step 0 of all sequences,
// then step 1), V ids or columns, C outputs.
#pragma once

#include "examples/common/sequence_model.h"

#include <unroll/nn/layers.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace lab {

namespace nn = unroll::nn;
using unroll::Index;
using unroll::Var;

struct NetworkOptions {
  // The kind, layers and so on; `in` is set. hidden 0: chosen by `parameters`.
  program::SequenceOptions reader;
  Index ids = 0;           // V: the inputs are ids below it, embedded in `embedding` columns
  Index columns = 0;       // otherwise the inputs are rows of so many numbers
  Index embedding = 16;    // columns
  Index outputs = 0;       // C
  Index parameters = 0;    // of the whole network, about
  std::uint64_t seed = 1;  // of the initial parameters
};

class Network {
 public:
  using Options = NetworkOptions;
  explicit Network(const Options& options);
  Var operator()(const nn::Tokens& x) const;    // [N, C]
  Var operator()(const nn::Sequence& x) const;  // rows [N, V] -> [N, C]
  Index parameter_count() const { return nn::parameter_count(nn::parameters(*this)); }

  std::optional<nn::Embedding> embed;
  program::SequenceModel reader;
  nn::Linear head;
  UNROLL_FIELDS(embed, reader, head)

 private:
  Network(const Options& options, const program::SequenceOptions& reader);
};

// A batch of a task. The network is scored at the rows `scored`.
struct Batch {
  nn::Tokens ids;               // or
  nn::Sequence values;          // rows [N, V]
  unroll::IndexTensor scored;   // [S] rows
  unroll::IndexTensor targets;  // [S] classes, or
  unroll::Tensor numbers;       // [S, C]
};
using Task = std::function<Batch(unroll::Generator&)>;

// The output of any model at the scored rows [S, C].
using Outputs = std::function<Var(const Batch&)>;

Var outputs(const Network& network, const Batch& batch);  // at the scored rows [S, C]
// Cross entropy of classes, in nats; the mean squared error of numbers.
Var loss(const Var& outputs, const Batch& batch);
Var loss(const Network& network, const Batch& batch);

struct LearnOptions {
  Index steps = 1000;
  double rate = 3e-3;      // of Adam: rises over the first 5 % of the steps, then falls by a cosine
  double clip = 1;         // of the gradient's norm
  std::uint64_t seed = 1;  // of the batches
  std::string label = {};  // of the progress line
  // Called every `interval` steps with the number of steps done; true ends the training.
  Index interval = 100;
  std::function<bool(Index)> enough = {};
};
// Trains on batches of the task; returns the number of steps taken.
Index learn(const Network& network, const Task& task, const LearnOptions& options);
// The same for any model.
Index learn(const unroll::NamedParams& parameters, const Outputs& outputs, const Task& task,
            const LearnOptions& options);

// Over so many batches of the task, without gradients.
double mean_loss(const Network& network, const Task& task, Index batches, std::uint64_t seed);
double accuracy(const Network& network, const Task& task, Index batches, std::uint64_t seed);
double accuracy(const Outputs& outputs, const Task& task, Index batches, std::uint64_t seed);

}  // namespace lab
