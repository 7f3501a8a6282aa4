#include "examples/languages/fit.h"

#include "examples/common/predictions.h"

#include <unroll/data/batches.h>
#include <unroll/nn/loss.h>
#include <unroll/optim/optimizer.h>
#include <unroll/optim/schedule.h>

namespace languages {
namespace {

constexpr Index kBatch = 64;
// Lengths of the snippets of each paragraph.
constexpr Index kSnippetLengths[] = {5, 7, 10, 14, 20, 40};
constexpr double kRate = 4e-3;

Snippets of_all_lengths(const Encoded& from, unroll::Generator& random) {
  Snippets out;
  for (const Index length : kSnippetLengths)
    for (std::size_t p = 0; p < from.texts.size(); ++p) out.add(from, p, length, random);
  return out;
}

std::vector<Index> lengths_of(const std::vector<Ids>& texts) {
  std::vector<Index> out;
  for (const Ids& text : texts) out.push_back(static_cast<Index>(text.size()));
  return out;
}

template <class T>
std::vector<T> select(const std::vector<T>& from, const std::vector<Index>& which) {
  std::vector<T> out;
  for (Index i : which) out.push_back(from[static_cast<std::size_t>(i)]);
  return out;
}

}  // namespace

program::Curves fit_reader(Model& model, const Encoded& train, const Encoded& validation,
                           const FitOptions& o, program::Checkpoint* checkpoint) {
  const Reader& reader = model.reader;
  unroll::optim::Adam adam(nn::parameters(reader), {.lr = kRate});
  unroll::Generator random(o.seed), for_validation(o.seed + 1);
  const Snippets validated = of_all_lengths(validation, for_validation);
  const auto schedule = [&](Index step) {  // falls by 5 % per epoch
    const Index steps =
        static_cast<Index>(train.texts.size() * std::size(kSnippetLengths)) / kBatch + 1;
    return kRate * std::pow(0.95, static_cast<double>(step / steps));
  };
  const auto epoch = [&](program::Progress& bar) {
    const Snippets now = of_all_lengths(train, random);
    const auto batches =
        unroll::data::shuffled_batches(lengths_of(now.texts), random, {.size = kBatch});
    return program::train_epoch(
        adam, schedule, 1.0, batches, bar, [&](const std::vector<Index>& batch) {
          return nn::cross_entropy(reader(select(now.texts, batch)), select(now.labels, batch));
        });
  };
  const auto validate = [&] {
    double sum = 0;
    for (const auto& batch : program::batches_by_length(lengths_of(validated.texts)))
      sum +=
          nn::cross_entropy(reader(select(validated.texts, batch)), select(validated.labels, batch))
              .item() *
          static_cast<double>(batch.size());
    return sum / static_cast<double>(validated.texts.size());
  };
  return program::train(model,
                        {.label = reader.layer.options().kind,
                         .epochs = o.epochs,
                         .patience = 5,
                         .optimizer = &adam,
                         .random = &random,
                         .checkpoint = checkpoint},
                        epoch, validate);
}

void fit_mixture(Model& model, const NGrams& ngrams, const Encoded& validation,
                 std::uint64_t seed) {
  constexpr int kSteps = 300;
  unroll::Generator random(seed + 2);
  Snippets all;
  for (int i = 0; i < 4; ++i) {
    const Snippets more = of_all_lengths(validation, random);
    all.texts.insert(all.texts.end(), more.texts.begin(), more.texts.end());
    all.labels.insert(all.labels.end(), more.labels.begin(), more.labels.end());
  }
  const Tensor voices = voices_of(ngrams, model.reader, all.texts);
  const std::vector<Index> lengths = lengths_of(all.texts);
  unroll::optim::Adam adam(nn::parameters(model.mixture), {.lr = 0.02});
  for (int step = 0; step < kSteps; ++step) {
    unroll::Tape tape;
    adam.step(tape.backward(nn::cross_entropy(model.mixture(voices, lengths), all.labels)));
  }
}

}  // namespace languages
