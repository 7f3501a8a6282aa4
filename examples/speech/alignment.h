// Forced alignment: the most probable alignment of a word's letters to the time steps (Viterbi
// search over CTC's alignments, Graves et al. 2006).
#pragma once

#include <unroll/tensor/tensor.h>

#include <vector>

namespace speech {

using unroll::Index;

// For each time step the number of the letter in `symbols` that is written there, or -1 for blank
// (symbol 0). Logits [T, V]. Empty if there are fewer steps than letters (and one more for each
// pair of equal neighbours), or no letters.
std::vector<Index> align(const unroll::Tensor& logits, const std::vector<Index>& symbols);

}  // namespace speech
