// Training of a model.
#pragma once

#include "examples/common/training.h"
#include "examples/dna_sequence/models.h"
#include "examples/dna_sequence/predict.h"

#include <unroll/unroll.h>

namespace dna {

struct Settings {
  double lr = 2e-3, weight_decay = 0.02, label_smoothing = 0.05;
  Index epochs = 0;  // 0: see epochs_for
  Index batch = 32;
  ReaderOptions reader = {};        // of junction and attention
  program::SizeChoice size = {};    // the same
  bool reverse_complement = false;  // train on a random strand of each sequence
};

// 30 epochs; more if the training part is small, fewer if they would read more than 200 million
// bases. At least one.
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
  std::vector<unroll::optim::Group> groups;
  if constexpr (requires { model.reader; }) groups = program::without_decay(model.reader.of(false));
  unroll::optim::AdamW adam(unroll::nn::parameters(model),
                            {.lr = s.lr, .weight_decay = s.weight_decay, .groups = groups});

  // A model that starts as the k-mer counts (Motifs) and does not use positions may be best
  // untrained. So the initial parameters are kept unless training improves the validation loss by
  // more than the standard error of the difference. Label smoothing is off, because the initial
  // probabilities are calibrated.
  bool keep_best = false;
  if constexpr (requires { model.options().aligned; })
    keep_best = !model.options().aligned && !split.validation.empty();
  const double smoothing = keep_best ? 0 : s.label_smoothing;

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
                                       {.label_smoothing = smoothing});
    });
  };
  const auto losses = [&] {  // of each sequence of the validation part
    const Probabilities p = probabilities(model, e.sequences, split.validation);
    std::vector<double> out;
    for (std::size_t i = 0; i < p.size(); ++i)
      out.push_back(-std::log(std::max(1e-30, p[i][e.labels[split.validation[i]]])));
    return out;
  };
  const auto validate = [&] {
    return split.validation.empty() ? std::nan("") : program::mean_and_std(losses()).mean;
  };
  // The learning rate reaches 0 after the last epoch, so there is no early stopping.
  if (!keep_best) return program::train(model, {.label = label, .epochs = epochs}, epoch, validate);
  const Model start = model;
  std::vector<double> gains = losses();
  program::Curves curves = program::train(
      model, {.label = label, .epochs = epochs, .patience = epochs}, epoch, validate);
  const std::vector<double> now = losses();
  for (std::size_t i = 0; i < now.size(); ++i) gains[i] -= now[i];
  const program::MeanAndStd gain = program::mean_and_std(gains);
  if (curves.kept_epoch > 0 && gain.mean < gain.std / std::sqrt(static_cast<double>(now.size()))) {
    program::say("{}: no better than the counted words it started as, so it stays these.\n", label);
    model = start;
    curves.kept_epoch = 0;
    curves.kept_loss += gain.mean;
  }
  return curves;
}

}  // namespace dna
