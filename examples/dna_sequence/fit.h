// How a model is trained, and asked.
#pragma once

#include "examples/common/training.h"
#include "examples/dna_sequence/predict.h"

#include <unroll/unroll.h>

namespace dna {

struct Settings {
  double lr = 2e-3, weight_decay = 0.02, label_smoothing = 0.05;
  Index epochs = 0;  // 0: by the work, see epochs_for
  Index batch = 32;
  bool reverse_complement = false;  // train on either strand, by chance
};

// 30 epochs; more where the training part is so small that they are few steps, fewer where they
// would be more than 200 million bases. At least one.
inline Index epochs_for(Index steps_in_epoch, double bases_in_epoch) {
  constexpr Index kEpochs = 30, kFewestSteps = 600;
  constexpr double kMostBases = 2e8;
  const Index wanted = std::max(kEpochs, kFewestSteps / std::max<Index>(1, steps_in_epoch));
  return std::clamp<Index>(static_cast<Index>(kMostBases / bases_in_epoch), 1, wanted);
}

template <class Model>
program::Curves fit(Model& model, const Examples& e, const unroll::data::Split& split,
                    const Settings& s, const std::string& label, std::uint64_t seed) {
  unroll::Generator random(seed);
  std::vector<Index> lengths;
  double bases = 0;
  for (const Index i : split.train) {
    lengths.push_back(model.bases_trained(e.sequences[i].size()));
    bases += static_cast<double>(lengths.back());
  }
  const Index longest = *std::max_element(lengths.begin(), lengths.end()),
              size = std::clamp<Index>(kMostOfBatch / longest, 1, s.batch),
              in_epoch = (static_cast<Index>(split.train.size()) + size - 1) / size,
              epochs = s.epochs > 0 ? s.epochs : epochs_for(in_epoch, bases),
              steps = epochs * in_epoch;
  const unroll::optim::Cosine schedule{.lr = s.lr, .steps = steps + 1, .warmup = steps / 20};
  unroll::optim::AdamW adam(unroll::nn::parameters(model),
                            {.lr = s.lr, .weight_decay = s.weight_decay});

  const auto epoch = [&](program::Progress& bar) {
    const auto batches = unroll::data::shuffled_batches(lengths, random, {.size = size});
    return program::train_epoch(adam, schedule, 2, batches, bar, [&](const auto& batch) {
      std::vector<Bases> sequences;
      std::vector<Index> labels;
      for (const Index j : batch) {
        const Bases& forwards = e.sequences[split.train[j]];
        const bool turn = s.reverse_complement && random.below(2) == 1;
        sequences.push_back(turn ? other_strand(forwards) : forwards);
        labels.push_back(e.labels[split.train[j]]);
      }
      return unroll::nn::cross_entropy(logits_of(model, sequences, labels), labels,
                                       {.label_smoothing = s.label_smoothing});
    });
  };
  const auto validate = [&] {
    if (split.validation.empty()) return std::nan("");
    const Probabilities p = probabilities(model, e.sequences, split.validation);
    double sum = 0;
    for (std::size_t i = 0; i < p.size(); ++i)
      sum -= std::log(std::max(1e-30, p[i][e.labels[split.validation[i]]]));
    return sum / static_cast<double>(p.size());
  };
  // The rate ends at 0 after the last epoch, so nothing stops early. Where a model starts as the
  // counted words (Motifs) and positions do not help it, it may be best as it was.
  bool keep_best = false;
  if constexpr (requires { model.options().aligned; })
    keep_best = !model.options().aligned && !split.validation.empty();
  return program::train(model,
                        {.label = label, .epochs = epochs, .patience = keep_best ? epochs : 0},
                        epoch, validate);
}

}  // namespace dna
