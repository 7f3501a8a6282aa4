// Synthetic tasks, drawn at random: each function draws one batch of B sequences.
#pragma once

#include "examples/lab/common/network.h"

namespace lab {

// The adding problem (Hochreiter and Schmidhuber 1997, as in Bai et al. 2018): T rows of a number
// in [0, 1) and a mark; two rows, one in each half, are marked, and the output at the last step is
// the sum of their numbers. Always answering 1 has a squared error of 1/6.
Batch adding(Index sequences, Index steps, unroll::Generator& random);

// Recall of the first id: one of `symbols` ids, then `gap` ids of noise (kNoise others), then the
// id that asks for the first one; scored at that last step.
inline constexpr Index kNoise = 4;
inline Index recall_ids(Index symbols) { return symbols + kNoise + 1; }
Batch recall(Index sequences, Index gap, Index symbols, unroll::Generator& random);

// Copying (Hochreiter and Schmidhuber 1997; Arjovsky et al. 2016): `length` random ids below
// `symbols`, `gap` blanks, then the id that asks for them followed by blanks, `length` steps in
// all, which are scored.
inline Index copy_ids(Index symbols) { return symbols + 2; }
Batch copy(Index sequences, Index gap, Index length, Index symbols, unroll::Generator& random);

}  // namespace lab
