#include "examples/representations/skip_gram.h"

#include <unroll/data/batches.h>
#include <unroll/optim/optimizer.h>
#include <unroll/tensor/math.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace representations {
namespace {

using unroll::Generator;
using unroll::Tensor;
using unroll::Var;

// Ids for negative samples: each word in proportion to its count to the power of 0.75.
std::vector<Index> negative_table(const std::vector<double>& counts) {
  constexpr double kSize = 1e6;
  double sum = 0;
  for (double n : counts) sum += std::pow(n, 0.75);
  std::vector<Index> out;
  for (std::size_t id = 0; id < counts.size(); ++id)
    out.insert(out.end(),
               static_cast<std::size_t>(std::lround(std::pow(counts[id], 0.75) / sum * kSize)),
               static_cast<Index>(id));
  return out;
}

struct Pairs {
  std::vector<Index> centres, around;
};

// The pairs of an epoch: each word with its neighbours within a window of random size. A word of
// frequency f is kept with probability sqrt(frequent / f).
Pairs pairs_of(const std::vector<std::vector<Index>>& sentences, const std::vector<double>& counts,
               const SkipGramOptions& o, Generator& random) {
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  Pairs out;
  std::vector<Index> kept;
  for (const auto& sentence : sentences) {
    kept.clear();
    for (Index id : sentence)
      if (random.uniform() <
          std::sqrt(o.frequent * total / std::fmax(1, counts[static_cast<std::size_t>(id)])))
        kept.push_back(id);
    const auto n = static_cast<Index>(kept.size());
    for (Index i = 0; i < n; ++i) {
      const Index reach = 1 + random.below(o.window);
      for (Index j = std::max<Index>(0, i - reach); j <= std::min(n - 1, i + reach); ++j) {
        if (j == i) continue;
        out.centres.push_back(kept[static_cast<std::size_t>(i)]);
        out.around.push_back(kept[static_cast<std::size_t>(j)]);
      }
    }
  }
  return out;
}

}  // namespace

SkipGram::SkipGram(Index vocab, Index dim)
    : words({.vocab = vocab, .dim = dim}), contexts({.vocab = vocab, .dim = dim}) {
  words.weight.set_value(mul(words.weight.value(), Tensor::scalar(0.1, unroll::f32)));
  contexts.weight.set_value(Tensor::zeros(contexts.weight.shape()));
}

Var SkipGram::loss(const std::vector<Index>& centres, const std::vector<Index>& around,
                   const unroll::IndexTensor& negatives) const {
  const Index pairs = static_cast<Index>(centres.size()), dim = words.weight.shape()[1];
  const Var u = words(unroll::IndexTensor(centres));                   // [B, D]
  const Var near = sum(u * contexts(unroll::IndexTensor(around)), 1);  // [B]
  const Var far = matmul(contexts(negatives),                          // [B, K, D]
                         unroll::reshape(u, {pairs, dim, 1}));         // [B, K, 1]
  return mean(softplus(-near)) + sum(softplus(far)) / static_cast<double>(pairs);
}

program::Curves fit(SkipGram& model, const std::vector<std::vector<Index>>& sentences,
                    const std::vector<double>& counts, const SkipGramOptions& o,
                    program::Checkpoint* checkpoint) {
  unroll::optim::Adam adam(nn::parameters(model), {.lr = o.rate});
  Generator random(o.seed);
  const std::vector<Index> table = negative_table(counts);
  const auto drawn = [&](Index n) {
    std::vector<Index> out;
    for (Index i = 0; i < n * o.negatives; ++i)
      out.push_back(
          table[static_cast<std::size_t>(random.below(static_cast<Index>(table.size())))]);
    return unroll::IndexTensor(std::move(out), {n, o.negatives});
  };
  const auto epoch = [&](program::Progress& bar) {
    const Pairs pairs = pairs_of(sentences, counts, o, random);
    const auto batches = unroll::data::shuffled_batches(static_cast<Index>(pairs.centres.size()),
                                                        random, {.size = o.batch});
    return program::train_epoch(
        adam, [&](Index) { return o.rate; }, 100.0, batches, bar,
        [&](const std::vector<Index>& batch) {
          std::vector<Index> centres, around;
          for (Index i : batch) {
            centres.push_back(pairs.centres[static_cast<std::size_t>(i)]);
            around.push_back(pairs.around[static_cast<std::size_t>(i)]);
          }
          return model.loss(centres, around, drawn(static_cast<Index>(batch.size())));
        });
  };
  return program::train(model,
                        {.label = "skip-gram",
                         .epochs = o.epochs,
                         .optimizer = &adam,
                         .random = &random,
                         .checkpoint = checkpoint},
                        epoch, [] { return std::nan(""); });
}

}  // namespace representations
