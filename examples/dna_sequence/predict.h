// Class probabilities by a model, in batches of bounded size.
#pragma once

#include "examples/dna_sequence/examples.h"

#include <unroll/unroll.h>

#include <algorithm>
#include <numeric>
#include <type_traits>

namespace dna {

// One row per sequence, [C].
using Probabilities = std::vector<std::vector<double>>;

// Maximal number of bases in a batch, which bounds memory: batches of long sequences are smaller.
inline constexpr Index kMostOfBatch = 1 << 16;

// The logits of sequences. Sequences that a model has counted (motifs.h) under the given classes
// are left out of its counts.
template <class Model>
unroll::Var logits_of(const Model& model, const std::vector<Bases>& sequences,
                      const std::vector<Index>& counted) {
  if constexpr (std::is_invocable_v<const Model&, std::vector<Bases>, std::vector<Index>>)
    return model(sequences, counted);
  else
    return model(sequences);
}

// Probabilities of the selected sequences, in this order. Throws std::runtime_error if a model
// gives NaN.
template <class Model>
Probabilities probabilities(const Model& model, const std::vector<Bases>& sequences,
                            const std::vector<Index>& which) {
  constexpr std::size_t kAtOnce = 256;
  const auto read = [&](std::size_t i) {
    return model.bases_read(sequences[static_cast<std::size_t>(which[i])].size());
  };
  std::vector<std::size_t> order(which.size());  // similar lengths together
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return read(a) < read(b); });
  Probabilities out(which.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    std::vector<Bases> batch;
    Index bases = 0;
    for (; end < order.size() && end - begin < kAtOnce; ++end) {
      bases += read(order[end]);
      if (end > begin && bases > kMostOfBatch) break;
      batch.push_back(sequences[static_cast<std::size_t>(which[order[end]])]);
    }
    const unroll::Tensor p = softmax(logits_of(model, batch, {}), 1).value();
    unroll::check_io(unroll::all_finite(p),
                     "probabilities that are finite were required of the model: got others");
    for (std::size_t i = begin; i < end; ++i)
      for (Index c = 0; c < p.shape()[1]; ++c)
        out[order[i]].push_back(p.at({static_cast<Index>(i - begin), c}));
    begin = end;
  }
  return out;
}

// The same, averaged over both strands of each sequence.
template <class Model>
Probabilities both_strands(const Model& model, const std::vector<Bases>& sequences,
                           const std::vector<Index>& which) {
  Probabilities out = probabilities(model, sequences, which);
  std::vector<Bases> others;
  std::vector<Index> all;
  for (const Index i : which) {
    all.push_back(static_cast<Index>(others.size()));
    others.push_back(other_strand(sequences[static_cast<std::size_t>(i)]));
  }
  const Probabilities p = probabilities(model, others, all);
  for (std::size_t i = 0; i < out.size(); ++i)
    for (std::size_t c = 0; c < out[i].size(); ++c) out[i][c] = (out[i][c] + p[i][c]) / 2;
  return out;
}

}  // namespace dna
