#include "examples/strokes/fit.h"

#include <unroll/autograd/mode.h>
#include <unroll/data/batches.h>
#include <unroll/nn/loss.h>
#include <unroll/optim/optimizer.h>

#include <cmath>

namespace strokes {
namespace {

constexpr Index kBatch = 32;
constexpr double kClip = 1;
constexpr program::BatchLimits kEvaluated{.examples = 128, .rows = 1 << 15};

}  // namespace

program::Curves fit(Classifier& model, const Task& task, const FitOptions& o,
                    program::Checkpoint* checkpoint) {
  unroll::optim::Adam adam(nn::parameters(model), {.lr = o.rate});
  unroll::Generator random(o.seed);
  const auto epoch = [&](program::Progress& bar, Index e) {
    const Part now = task.draw(random);
    const auto batches = unroll::data::shuffled_batches(now.lengths(), random, {.size = kBatch});
    const double rate = o.rate * std::pow(o.decay, static_cast<double>(e - 1));
    return program::train_epoch(
        adam, [&](Index) { return rate; }, kClip, batches, bar,
        [&](const std::vector<Index>& batch) {
          return nn::cross_entropy(model(now.batch(batch)), now.labels_of(batch));
        });
  };
  const auto validate = [&] {
    const unroll::Inference inference;
    double sum = 0;
    for (const auto& batch : program::batches_by_length(task.validation.lengths(), kEvaluated)) {
      program::stop_if_interrupted();
      sum +=
          nn::cross_entropy(model(task.validation.batch(batch)), task.validation.labels_of(batch))
              .item() *
          static_cast<double>(batch.size());
    }
    return sum / static_cast<double>(task.validation.size());
  };
  return program::train(model,
                        {.label = o.label,
                         .epochs = o.epochs,
                         .patience = o.patience,
                         .optimizer = &adam,
                         .random = &random,
                         .checkpoint = checkpoint},
                        epoch, validate);
}

program::Probabilities probabilities(const Classifier& model, const Part& part) {
  const unroll::Inference inference;
  return program::in_batches(
      part.lengths(),
      [&](const std::vector<Index>& batch) {
        if (program::interrupted()) return program::Probabilities(batch.size());
        return program::probabilities_of(model(part.batch(batch)).value());
      },
      kEvaluated);
}

std::vector<Index> predicted_by(const program::Probabilities& p) {
  std::vector<Index> out;
  for (const std::vector<double>& each : p)
    out.push_back(each.empty() ? -1 : program::best_of(each));
  return out;
}

}  // namespace strokes
