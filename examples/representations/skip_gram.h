// Word embeddings by skip-gram with negative sampling: Mikolov et al. 2013.
//
// The embedding u of a word predicts the words around it: for a word c near it and K words n drawn
// at random, the loss is -log sigmoid(u v_c) - sum_n log sigmoid(-u v_n). B pairs, K negatives, D
// dimensions.
#pragma once

#include "examples/common/training.h"

#include <unroll/data/text/vocabulary.h>
#include <unroll/nn/layers.h>

namespace representations {

namespace nn = unroll::nn;
using unroll::Index;

// How texts are divided: words without punctuation, case-folded.
inline constexpr unroll::data::TextOptions kWords{.punctuation = unroll::data::Punctuation::dropped,
                                                  .fold_case = true};

struct SkipGram {
  nn::Embedding words, contexts;
  SkipGram(Index vocab, Index dim);
  UNROLL_FIELDS(words, contexts)
  // centres [B], around [B], negatives [B, K] -> the mean loss of a pair
  unroll::Var loss(const std::vector<Index>& centres, const std::vector<Index>& around,
                   const unroll::IndexTensor& negatives) const;
};

struct SkipGramOptions {
  Index epochs = 5, window = 5, negatives = 5, batch = 1024;
  double rate = 3e-3;
  double frequent = 1e-4;  // words more frequent than this are subsampled
  std::uint64_t seed = 1;
};

// Trains on sentences of ids; counts are those of the ids.
program::Curves fit(SkipGram& model, const std::vector<std::vector<Index>>& sentences,
                    const std::vector<double>& counts, const SkipGramOptions& o,
                    program::Checkpoint* checkpoint);

}  // namespace representations
