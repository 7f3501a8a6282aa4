// Synthetic tasks, drawn at random: each function draws one batch of B sequences.
#pragma once

#include "examples/lab/common/network.h"

namespace lab {

// The adding problem (Hochreiter and Schmidhuber 1997, as in Bai et al. 2018): T rows of a number
// in [0, 1) and a mark; two rows, one in each half, are marked, and the output at the last step is
// the sum of their numbers. Always predicting 1 has a squared error of 1/6.
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

// Parity: bits as ids 0 and 1; the target of each step is the sum of the bits so far, modulo 2. The
// steps from `first` on are scored.
inline constexpr Index kBits = 2;
Batch parity(Index sequences, Index steps, Index first, unroll::Generator& random);
// The same with lengths drawn from 1 to `longest`, one for each sequence; all steps are scored.
Batch parity_of_lengths(Index sequences, Index longest, unroll::Generator& random);

// Selective copying (Gu and Dao 2023): `steps` ids, of which `length` at random positions are below
// `symbols` and the others blanks; then the id that asks for them, `length` times. Those steps are
// scored: the ids below `symbols` in order.
inline Index selective_copy_ids(Index symbols) { return symbols + 2; }
Batch selective_copy(Index sequences, Index steps, Index length, Index symbols,
                     unroll::Generator& random);

// The same with the ids at the same places in all sequences: evenly spread, the first at step 0.
Batch spread_copy(Index sequences, Index steps, Index length, Index symbols,
                  unroll::Generator& random);

// Induction heads (Olsson et al. 2022; as in Gu and Dao 2023): `steps` random ids below `symbols`,
// one of which, at a random position that is not the last, is replaced by a special id; then the
// special id again. Scored at that last step: the id that followed the special one.
inline Index induction_ids(Index symbols) { return symbols + 1; }
Batch induction(Index sequences, Index steps, Index symbols, unroll::Generator& random);

}  // namespace lab
