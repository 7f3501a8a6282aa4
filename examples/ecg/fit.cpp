#include "examples/ecg/fit.h"

#include <unroll/autograd/mode.h>
#include <unroll/data/batches.h>
#include <unroll/nn/loss.h>
#include <unroll/optim/schedule.h>

#include <algorithm>
#include <cmath>

namespace ecg {
namespace {

constexpr Index kSmallBatch = 16, kLargeBatch = 64, kBatches = 25;  // per epoch, if there may be
constexpr double kDecay = 0.95, kClip = 2;  // the rate's factor for each kDecaySteps
constexpr Index kDecaySteps = 40;
constexpr double kSmoothing = 0.1;  // of labels: a confident error costs less
// Small training files need more epochs than large ones.
constexpr Index kMinEpochs = 40, kSteps = 3000, kMinPatience = 8, kPatienceSteps = 1000;

Index at_least(Index least, Index steps, Index per_epoch) {
  return std::max(least, (steps + per_epoch - 1) / per_epoch);
}

double rate_of(const std::string& kind) {
  return kind == "mamba" || program::attends(kind) ? 1e-3 : 4e-3;
}

// n_c^-weighting for each class, scaled so that the mean over the examples is 1, [C]; 1 for a class
// without examples.
unroll::Tensor weights_of(const std::vector<Index>& labels, Index classes, double weighting) {
  std::vector<double> counts(static_cast<std::size_t>(classes), 0.0), weights;
  for (const Index label : labels) ++counts[static_cast<std::size_t>(label)];
  double sum = 0;
  for (const double n : counts) {
    weights.push_back(n > 0 ? std::pow(n, -weighting) : 0);
    sum += n * weights.back();
  }
  for (double& w : weights) w = w > 0 ? w * static_cast<double>(labels.size()) / sum : 1;
  return unroll::Tensor::from(weights, {classes}, unroll::f32);
}

}  // namespace

std::vector<Index> Part::lengths() const {
  std::vector<Index> out;
  for (const Example& e : examples) out.push_back(std::ssize(e.values));
  return out;
}
nn::Sequence Part::batch(const std::vector<Index>& which) const {
  std::vector<unroll::Tensor> out;
  for (const Index i : which) out.push_back(examples[static_cast<std::size_t>(i)].steps(reading));
  return nn::Sequence::from(out);
}
nn::Sequence Part::varied_batch(const std::vector<Index>& which, const Augmentation& augmentation,
                                unroll::Generator& random) const {
  std::vector<unroll::Tensor> out;
  for (const Index i : which) {
    const Example& e = examples[static_cast<std::size_t>(i)];
    out.push_back(
        Example{.values = varied(e.values, augmentation, random), .extra = e.extra}.steps(reading));
  }
  return nn::Sequence::from(out);
}
std::vector<Index> Part::labels_of(const std::vector<Index>& which) const {
  std::vector<Index> out;
  for (const Index i : which) out.push_back(labels[static_cast<std::size_t>(i)]);
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
  const double rate = rate_of(model.reader.options().kind);
  unroll::optim::Adam adam(nn::parameters(model), {.lr = rate});
  unroll::Generator random(o.seed);
  const Index size = std::clamp(train.size() / kBatches, kSmallBatch, kLargeBatch),
              steps = (train.size() + size - 1) / size;
  const unroll::optim::StepDecay schedule{rate, std::max(steps, kDecaySteps), kDecay};
  unroll::CrossEntropyOptions loss{.label_smoothing = kSmoothing};
  loss.class_weights = weights_of(train.labels, classes, o.weighting);
  const auto epoch = [&](program::Progress& bar) {
    const auto batches = unroll::data::shuffled_batches(train.lengths(), random, {.size = size});
    return program::train_epoch(
        adam, schedule, kClip, batches, bar, [&](const std::vector<Index>& batch) {
          return nn::cross_entropy(model(train.varied_batch(batch, o.augmentation, random)),
                                   train.labels_of(batch), loss);
        });
  };
  const auto validate = [&] {
    const unroll::Inference inference;
    double sum = 0;
    for (const auto& batch : program::batches_by_length(validation.lengths())) {
      // Without class weights: with them, the few series of a rare class would decide.
      const Var loss_of_batch =
          nn::cross_entropy(model(validation.batch(batch)), validation.labels_of(batch),
                            {.label_smoothing = kSmoothing, .reduction = unroll::Reduction::sum});
      sum += loss_of_batch.item();
    }
    return sum / static_cast<double>(validation.size());
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
