#include "examples/speech/fit.h"

#include "examples/common/predictions.h"
#include "examples/speech/augment.h"

#include <unroll/autograd/mode.h>
#include <unroll/data/batches.h>
#include <unroll/nn/loss.h>
#include <unroll/optim/optimizer.h>
#include <unroll/optim/schedule.h>

namespace speech {
namespace {

constexpr Index kBatch = 16;
constexpr double kLearningRate = 3e-3, kClip = 2;
constexpr double kDecay = 0.93;  // the rate's factor for each epoch, or kDecaySteps
constexpr Index kDecaySteps = 60, kWarmUp = 200;  // steps
// Few recordings need more epochs than many.
constexpr Index kMinEpochs = 40, kSteps = 2000, kMinPatience = 15, kPatienceSteps = 400;

Index at_least(Index least, Index steps, Index per_epoch) {
  return std::max(least, (steps + per_epoch - 1) / per_epoch);
}

// Words that the loss is finite for, whatever is cut from them, and their letters.
struct Part {
  std::vector<const Word*> words;
  std::vector<std::vector<Index>> targets;
  std::vector<Index> lengths;  // steps
  Index size() const { return std::ssize(words); }
};

Part part_of(const Words& words, const Letters& letters, const std::string& what) {
  Part out;
  for (const Word& word : words) {
    const auto target = letters.encode(word.label);
    const Index steps = std::ssize(word.samples) / (kHop * kStacked);
    if (!target || target->empty() || steps < kDelay + 3 * std::ssize(*target)) continue;
    out.words.push_back(&word);
    out.targets.push_back(*target);
    out.lengths.push_back(steps);
  }
  unroll::check_io(out.size() > 0,
                   "{} recordings of at least 180 ms and 90 ms per letter were required: got none",
                   what);
  return out;
}

Var loss_of(const Model& model, const Part& part, const std::vector<Index>& batch,
            const std::vector<Tensor>& steps) {
  std::vector<std::vector<Index>> targets;
  for (const Index i : batch) targets.push_back(part.targets[static_cast<std::size_t>(i)]);
  return nn::ctc_loss(model(nn::Sequence::from(steps)), targets,
                      {.blank = kBlank, .zero_infinity = true});
}

}  // namespace

program::Curves fit(Model& model, const Letters& letters, const Words& train,
                    const Words& validation, const FitOptions& o, program::Checkpoint& checkpoint) {
  const Part trained = part_of(train, letters, "training"),
             validated = part_of(validation, letters, "validation");
  unroll::optim::Adam adam(nn::parameters(model), {.lr = kLearningRate});
  unroll::Generator random(o.seed);
  const Index per_epoch = (trained.size() + kBatch - 1) / kBatch;  // steps
  const unroll::optim::StepDecay decay{kLearningRate, std::max(per_epoch, kDecaySteps), kDecay};
  const unroll::optim::WarmUp warm_up{kLearningRate, kWarmUp};
  const auto schedule = [&](Index step) { return std::min(decay(step), warm_up(step)); };
  const std::vector<float> mean = model.mean.value().to_vector<float>();
  const auto epoch = [&](program::Progress& bar) {
    const auto batches = unroll::data::shuffled_batches(trained.lengths, random, {.size = kBatch});
    return program::train_epoch(
        adam, schedule, kClip, batches, bar, [&](const std::vector<Index>& batch) {
          std::vector<Tensor> steps;
          for (const Index i : batch) {
            const Samples& samples = trained.words[static_cast<std::size_t>(i)]->samples;
            const Frames frames = varied(log_mel(varied(samples, random)), mean, random);
            const bool enough = std::ssize(frames) > (kDelay + 1) * kStacked;
            steps.push_back(model.steps(enough ? frames : log_mel(samples)));
          }
          return loss_of(model, trained, batch, steps);
        });
  };
  const auto validate = [&] {
    const unroll::Inference inference;
    double sum = 0;
    for (const auto& batch : program::batches_by_length(validated.lengths, {.examples = 64})) {
      program::stop_if_interrupted();
      std::vector<Tensor> steps;
      for (const Index i : batch)
        steps.push_back(
            model.steps(log_mel(validated.words[static_cast<std::size_t>(i)]->samples)));
      sum += loss_of(model, validated, batch, steps).item() * static_cast<double>(batch.size());
    }
    return sum / static_cast<double>(validated.size());
  };
  return program::train(
      model,
      {.label = o.label,
       .epochs = o.epochs > 0 ? o.epochs : at_least(kMinEpochs, kSteps, per_epoch),
       .patience = at_least(kMinPatience, kPatienceSteps, per_epoch),
       .optimizer = &adam,
       .random = &random,
       .checkpoint = &checkpoint},
      epoch, validate);
}

}  // namespace speech
