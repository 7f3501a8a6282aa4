// Class probabilities by a model, in batches of bounded size.
#pragma once

#include "examples/common/predictions.h"
#include "examples/dna_sequence/examples.h"

#include <unroll/unroll.h>

#include <algorithm>
#include <numeric>
#include <type_traits>

namespace dna {

using program::Probabilities;

// Maximal number of bases in a batch, which bounds memory: batches of long sequences are smaller.
inline constexpr Index kMaxBatchRows = 1 << 16;

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
  const auto sequence = [&](Index i) -> const Bases& {
    return sequences[static_cast<std::size_t>(which[static_cast<std::size_t>(i)])];
  };
  std::vector<Index> lengths;
  for (std::size_t i = 0; i < which.size(); ++i)
    lengths.push_back(model.bases_read(sequence(static_cast<Index>(i)).size()));
  return program::in_batches(
      lengths,
      [&](const std::vector<Index>& batch) {
        std::vector<Bases> asked;
        for (const Index i : batch) asked.push_back(sequence(i));
        return asked.empty() ? Probabilities()
                             : program::probabilities_of(logits_of(model, asked, {}).value());
      },
      {.rows = kMaxBatchRows});
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
