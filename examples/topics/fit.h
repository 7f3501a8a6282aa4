// Trains a model, and computes its probabilities.
#pragma once

#include "examples/common/model_file.h"
#include "examples/common/predictions.h"
#include "examples/topics/models.h"

#include <unroll/data/batches.h>
#include <unroll/nn/loss.h>
#include <unroll/optim/schedule.h>

namespace topics {

// Encoded texts and their classes.
struct Part {
  Lists lists;
  std::vector<Index> labels;

  Index size() const { return static_cast<Index>(lists.size()); }
  Lists lists_of(const std::vector<Index>& batch) const {
    Lists out;
    for (Index i : batch) out.push_back(lists[static_cast<std::size_t>(i)]);
    return out;
  }
  std::vector<Index> labels_of(const std::vector<Index>& batch) const {
    std::vector<Index> out;
    for (Index i : batch) out.push_back(labels[static_cast<std::size_t>(i)]);
    return out;
  }
  std::vector<Index> lengths() const {
    std::vector<Index> out;
    for (const auto& list : lists) out.push_back(static_cast<Index>(list.size()));
    return out;
  }
};

template <class Model>
program::Probabilities probabilities(const Model& model, const Part& part,
                                     const program::BatchLimits& limits = {}) {
  const auto predict = [&](const std::vector<Index>& batch) {
    return program::probabilities_of(model(part.lists_of(batch)).value());
  };
  return program::in_batches(part.lengths(), predict, limits);
}

// The error rate. For early stopping it is better than the loss, which rises as soon as the model
// is overconfident, while its predictions still improve.
template <class Model>
double error_share(const Model& model, const Part& part) {
  const program::Probabilities all = probabilities(model, part);
  Index wrong = 0;
  for (std::size_t i = 0; i < all.size(); ++i)
    wrong += all[i].empty() || program::best_of(all[i]) != part.labels[i];
  return static_cast<double>(wrong) / static_cast<double>(part.size());
}

struct FitOptions {
  std::string label;
  Index epochs = 0, batch = 64, patience = 4;
  std::uint64_t seed = 1;
};

// Trains with Adam, whose rate falls with each epoch, and keeps the epoch with the best validation
// error.
template <class Model>
program::Curves fit(Model& model, const Part& train, const Part& validation, const FitOptions& o,
                    program::Checkpoint* checkpoint) {
  model.prepare(train.lists);
  unroll::optim::Adam adam(nn::parameters(model), {.lr = Model::kRate});
  unroll::Generator random(o.seed);
  const Index steps = (train.size() + o.batch - 1) / o.batch;
  const unroll::optim::StepDecay schedule{Model::kRate, steps, Model::kDecay};
  const auto epoch = [&](program::Progress& bar) {
    const auto batches = data::shuffled_batches(train.lengths(), random, {.size = o.batch});
    return program::train_epoch(
        adam, schedule, 5.0, batches, bar, [&](const std::vector<Index>& batch) {
          return nn::cross_entropy(model(train.lists_of(batch)), train.labels_of(batch));
        });
  };
  return program::train(model,
                        {.label = o.label,
                         .epochs = o.epochs,
                         .patience = o.patience,
                         .optimizer = &adam,
                         .random = &random,
                         .checkpoint = checkpoint},
                        epoch, [&] { return error_share(model, validation); });
}

// Naive Bayes counts in one pass.
inline program::Curves fit(NaiveBayes& model, const Part& train, const Part&, const FitOptions&,
                           program::Checkpoint*) {
  constexpr double kSmoothing = 0.1;
  model.learn(train.lists, train.labels, kSmoothing);
  return {.train = {}, .validation = {}, .kept_epoch = 1};
}

}  // namespace topics
