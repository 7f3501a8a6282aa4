// How a model is trained, and asked.
#pragma once

#include "examples/common/training.h"
#include "examples/dna_sequence/examples.h"

#include <unroll/unroll.h>

namespace dna {

struct Settings {
  double lr = 2e-3, weight_decay = 0.02, label_smoothing = 0.05;
  Index epochs = 0;  // 0: 30, or more where the training part is so small that they are few steps
  Index batch = 32;
  bool reverse_complement = false;  // train on either strand, by chance
};

template <class Model>
program::Curves fit(Model& model, const Examples& e, const unroll::data::Split& split,
                    const Settings& s, const std::string& label, std::uint64_t seed) {
  unroll::Generator random(seed);
  std::vector<Index> lengths;
  for (const Index i : split.train) lengths.push_back(static_cast<Index>(e.sequences[i].size()));
  const auto in_epoch = (static_cast<Index>(split.train.size()) + s.batch - 1) / s.batch;
  constexpr Index kFewestSteps = 600;
  const Index epochs = s.epochs > 0 ? s.epochs : std::max<Index>(30, kFewestSteps / in_epoch),
              steps = epochs * in_epoch;
  const unroll::optim::Cosine schedule{.lr = s.lr, .steps = steps + 1, .warmup = steps / 20};
  unroll::optim::AdamW adam(unroll::nn::parameters(model),
                            {.lr = s.lr, .weight_decay = s.weight_decay});

  const auto epoch = [&] {
    double sum = 0;
    for (const auto& batch : unroll::data::shuffled_batches(lengths, random, {.size = s.batch})) {
      if (program::interrupted()) break;
      std::vector<Bases> sequences;
      std::vector<Index> labels;
      for (const Index j : batch) {
        const Bases& forwards = e.sequences[split.train[j]];
        const bool turn = s.reverse_complement && random.below(2) == 1;
        sequences.push_back(turn ? unroll::data::reverse_complement(forwards) : forwards);
        labels.push_back(e.labels[split.train[j]]);
      }
      adam.lr = schedule(adam.steps());
      unroll::Tape tape;
      const unroll::Var loss = unroll::nn::cross_entropy(model(sequences), labels,
                                                         {.label_smoothing = s.label_smoothing});
      unroll::Gradients g = tape.backward(loss);
      unroll::optim::clip_norm(g, 2);
      adam.step(g);
      sum += loss.item() * static_cast<double>(batch.size());
    }
    return sum / static_cast<double>(split.train.size());
  };
  // To be looked at while training: the rate ends at 0 after the last epoch, and nothing stops
  // early.
  const auto validate = [&] {
    std::vector<Bases> sequences;
    std::vector<Index> labels;
    for (const Index i : split.validation) {
      sequences.push_back(e.sequences[i]);
      labels.push_back(e.labels[i]);
    }
    return labels.empty() ? std::nan("")
                          : unroll::nn::cross_entropy(model(sequences), labels).item();
  };
  return program::train(model, {.label = label, .epochs = epochs}, epoch, validate);
}

// The class with the highest score for each of some sequences.
template <class Model>
std::vector<Index> answers(const Model& model, const Examples& e, const std::vector<Index>& which) {
  constexpr std::size_t kAtOnce = 256;
  std::vector<Index> out;
  for (std::size_t at = 0; at < which.size(); at += kAtOnce) {
    std::vector<Bases> sequences;
    for (std::size_t i = at; i < std::min(at + kAtOnce, which.size()); ++i)
      sequences.push_back(e.sequences[which[i]]);
    const unroll::Tensor scores = model(sequences).value();
    unroll::check_io(unroll::all_finite(scores),
                     "scores that are finite were required of the model: got others");
    const unroll::IndexTensor best = unroll::argmax(scores);
    out.insert(out.end(), best.begin(), best.end());
  }
  return out;
}

}  // namespace dna
