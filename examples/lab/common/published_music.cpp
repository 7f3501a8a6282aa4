// JSB chorales and Nottingham of Bai et al. 2018: predict the keys of the next step from those of
// all steps before. An output for each of 88 keys; the loss is the binary cross entropy summed over
// keys, and the mean over all predicted steps of a part (the first step of a song is not
// predicted).
#include "examples/common/training.h"
#include "examples/lab/common/piano_rolls.h"
#include "examples/lab/common/published.h"

#include <unroll/data/batches.h>
#include <unroll/nn/loss.h>
#include <unroll/optim/optimizer.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace lab {
namespace {

using unroll::Tensor;

// [L, 88]: 1 for the keys that sound
Tensor roll_of(const Song& song) {
  std::vector<float> keys(song.size() * kKeys);
  for (std::size_t t = 0; t < song.size(); ++t)
    for (const Index key : song[t]) keys[t * kKeys + static_cast<std::size_t>(key)] = 1;
  return Tensor::from(keys, {std::ssize(song), kKeys});
}

struct Rolls {
  std::vector<Tensor> inputs, targets;  // [L - 1, 88] of each song
  std::vector<Index> lengths;           // L - 1
  explicit Rolls(const std::vector<Song>& songs) {
    for (const Song& song : songs) {
      const Tensor roll = roll_of(song);
      const Index length = std::ssize(song) - 1;
      inputs.push_back(roll.narrow(0, 0, length));
      targets.push_back(roll.narrow(0, 1, length));
      lengths.push_back(length);
    }
  }
};

struct Composer {
  Network network;
  nn::Dropout dropout;
  UNROLL_FIELDS(network, dropout)

  // The sum over the steps of these songs, and over keys.
  Var loss(const Rolls& rolls, const std::vector<Index>& songs) const {
    std::vector<Tensor> x, y;
    for (const Index song : songs) {
      x.push_back(rolls.inputs[static_cast<std::size_t>(song)]);
      y.push_back(rolls.targets[static_cast<std::size_t>(song)]);
    }
    const nn::Sequence targets = nn::Sequence::from(y);
    const Var read = network.reader(nn::Sequence::from(x)).sequence.rows;  // [N, H]
    return nn::bce_with_logits(network.head(dropout(read)), targets.rows,
                               {.reduction = unroll::Reduction::sum});
  }
};

Index steps_of(const Rolls& rolls, const std::vector<Index>& songs) {
  Index out = 0;
  for (const Index song : songs) out += rolls.lengths[static_cast<std::size_t>(song)];
  return out;
}

constexpr Index kBatch = 8;  // songs

// Nats per step.
double evaluate(const Composer& model, const Rolls& rolls) {
  double sum = 0;
  Index steps = 0;
  for (Index first = 0; first < std::ssize(rolls.lengths); first += kBatch) {
    program::stop_if_interrupted();
    std::vector<Index> songs;
    for (Index k = first; k < std::min(first + kBatch, std::ssize(rolls.lengths)); ++k)
      songs.push_back(k);
    sum += model.loss(rolls, songs).item();
    steps += steps_of(rolls, songs);
  }
  return sum / static_cast<double>(steps);
}

// The same for keys that sound independently, each as often as in the training part (with one
// imagined step more of each kind, so that no probability is 0).
double by_frequency(const Rolls& train, const Rolls& test) {
  const auto counts = [](const Rolls& rolls) {
    std::vector<double> out(kKeys + 1);  // of each key; and the number of steps
    for (const Tensor& song : rolls.targets)
      for (Index t = 0; t < song.shape()[0]; ++t, ++out[kKeys])
        for (Index k = 0; k < kKeys; ++k) out[static_cast<std::size_t>(k)] += song.at({t, k});
    return out;
  };
  const std::vector<double> seen = counts(train), now = counts(test);
  double sum = 0;
  for (std::size_t k = 0; k < kKeys; ++k) {
    const double p = (seen[k] + 1) / (seen[kKeys] + 2);
    sum -= now[k] * std::log(p) + (now[kKeys] - now[k]) * std::log1p(-p);
  }
  return sum / now[kKeys];
}

}  // namespace

void reproduce_music(Experiment& e, const Reproduction& how, const std::string& name) {
  const PaperTask& task = paper_task(name);
  const PianoRolls songs = read_piano_rolls(how.data);
  const Rolls train(songs.train), valid(songs.valid), test(songs.test);
  const bool quick = e.choose(true, false, false);
  const Index epochs = how.epochs > 0 ? how.epochs : quick ? 100 : 200, patience = 10;
  const double rate = quick ? 5e-3 : 1e-3, dropout = 0.25;
  const double baseline = by_frequency(train, test);
  e.text(fmt::format(
      "{}: {} songs for training, {} for validation and {} for testing. Which of the 88 keys sound "
      "at the next step? The loss is the binary cross entropy summed over the keys, and its mean "
      "over the steps that are predicted: all but the first of a song. Predicting each key by its "
      "frequency has {:.2f} nats. At most {} epochs, fewer after {} without a better validation "
      "loss; Adam with a rate of {}, dropout {}. The paper's models have about {} parameters.",
      task.title, songs.train.size(), songs.valid.size(), songs.test.size(), baseline, epochs,
      patience, rate, dropout, task.parameters));
  e.figure("frequencies." + name, baseline);
  std::vector<Result> results;
  for (const std::string& kind : how.models) {
    Composer model{Network({.reader = {.kind = kind},
                            .columns = kKeys,
                            .outputs = kKeys,
                            .parameters = quick ? 15'000 : task.parameters,
                            .seed = e.options().seed}),
                   nn::Dropout({.p = dropout})};
    unroll::Generator random(e.options().seed);
    unroll::optim::Adam adam(nn::parameters(model), {.lr = rate});
    program::train(
        model, {.label = kind + ", " + name, .epochs = epochs, .patience = patience},
        [&](program::Progress& bar) {
          return program::train_epoch(
              adam, [&](Index) { return rate; }, 1.0,
              unroll::data::shuffled_batches(train.lengths, random, {.size = kBatch}), bar,
              [&](const std::vector<Index>& batch) {
                return model.loss(train, batch) / static_cast<double>(steps_of(train, batch));
              });
        },
        [&] { return evaluate(model, valid); });
    program::stop_if_interrupted();
    results.push_back({kind, model.network.parameter_count(), {evaluate(model, test)}});
  }
  report(e, task, results, "test part", "test part");
  const std::vector<Index> counts{std::ssize(songs.train), std::ssize(songs.valid),
                                  std::ssize(songs.test)};
  if (counts == task.songs) return compare(e, task, results);
  e.conclude(
      fmt::format("The file has {} songs, that of the paper {} (training, validation, test): "
                  "the results are not comparable.",
                  fmt::join(counts, ", "), fmt::join(task.songs, ", ")));
}

}  // namespace lab
