#include "examples/ecg/fit.h"

#include <unroll/autograd/mode.h>
#include <unroll/data/batches.h>
#include <unroll/nn/loss.h>
#include <unroll/optim/schedule.h>

#include <algorithm>

namespace ecg {
namespace {

constexpr Index kBatch = 16;
constexpr double kRate = 4e-3, kDecay = 0.97, kClip = 2;  // the rate's factor for each kDecaySteps
constexpr Index kDecaySteps = 40;
// Small training files need more epochs than large ones.
constexpr Index kMinEpochs = 40, kSteps = 3000, kMinPatience = 8, kPatienceSteps = 400;

Index at_least(Index least, Index steps, Index per_epoch) {
  return std::max(least, (steps + per_epoch - 1) / per_epoch);
}

// n / (C n_c) for each class, [C]; 1 for one without examples.
unroll::Tensor weights_of(const std::vector<Index>& labels, Index classes) {
  std::vector<double> counts(static_cast<std::size_t>(classes), 0.0);
  for (const Index label : labels) ++counts[static_cast<std::size_t>(label)];
  for (double& n : counts)
    n = n > 0 ? static_cast<double>(labels.size()) / (static_cast<double>(classes) * n) : 1;
  return unroll::Tensor::from(counts, {classes}, unroll::f32);
}

}  // namespace

std::vector<Index> Part::lengths() const {
  std::vector<Index> out;
  for (const unroll::Tensor& s : steps) out.push_back(s.size(0));
  return out;
}
nn::Sequence Part::batch(const std::vector<Index>& which) const {
  std::vector<unroll::Tensor> out;
  for (const Index i : which) out.push_back(steps[static_cast<std::size_t>(i)]);
  return nn::Sequence::from(out);
}
std::vector<Index> Part::labels_of(const std::vector<Index>& which) const {
  std::vector<Index> out;
  for (const Index i : which) out.push_back(labels[static_cast<std::size_t>(i)]);
  return out;
}
Part part_of(const Examples& examples, const std::vector<Index>& ids) {
  Part out{{}, ids};
  for (const Example& e : examples) out.steps.push_back(e.steps());
  return out;
}

program::Probabilities probabilities(const Classifier& model, const Part& part) {
  const unroll::Inference inference;
  return program::in_batches(part.lengths(), [&](const std::vector<Index>& batch) {
    if (program::interrupted()) return program::Probabilities(batch.size());
    return program::probabilities_of(model(part.batch(batch)).value());
  });
}

program::Curves fit(Classifier& model, const Part& train, const Part& validation, Index classes,
                    const FitOptions& o, program::Checkpoint& checkpoint) {
  unroll::optim::Adam adam(nn::parameters(model), {.lr = kRate});
  unroll::Generator random(o.seed);
  const Index steps = (train.size() + kBatch - 1) / kBatch;
  const unroll::optim::StepDecay schedule{kRate, std::max(steps, kDecaySteps), kDecay};
  unroll::CrossEntropyOptions loss;
  if (o.class_weights) loss.class_weights = weights_of(train.labels, classes);
  const auto epoch = [&](program::Progress& bar) {
    const auto batches = unroll::data::shuffled_batches(train.lengths(), random, {.size = kBatch});
    return program::train_epoch(
        adam, schedule, kClip, batches, bar, [&](const std::vector<Index>& batch) {
          return nn::cross_entropy(model(train.batch(batch)), train.labels_of(batch), loss);
        });
  };
  const auto validate = [&] {
    const unroll::Inference inference;
    double sum = 0, weight = 0;
    for (const auto& batch : program::batches_by_length(validation.lengths())) {
      const std::vector<Index> labels = validation.labels_of(batch);
      unroll::CrossEntropyOptions each = loss;
      each.reduction = unroll::Reduction::sum;
      sum += nn::cross_entropy(model(validation.batch(batch)), labels, each).item();
      for (const Index label : labels)
        weight += o.class_weights ? loss.class_weights.at({label}) : 1;
    }
    return sum / weight;
  };
  return program::train(model,
                        {.label = o.label,
                         .epochs = o.epochs > 0 ? o.epochs : at_least(kMinEpochs, kSteps, steps),
                         .patience = at_least(kMinPatience, kPatienceSteps, steps),
                         .optimizer = &adam,
                         .random = &random,
                         .checkpoint = &checkpoint},
                        epoch, validate);
}

}  // namespace ecg
