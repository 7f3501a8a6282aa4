// Batches of sequences, and windows over a long one.
#pragma once

#include <unroll/tensor/random.h>
#include <unroll/tensor/sequence_layout.h>

#include <vector>

namespace unroll::data {

struct BatchOptions {
  Index size = 32;
  Index bucket = 16;  // sequences are sorted by length within so many batches: near lengths, yet a
                      // new mixture each time
  bool drop_last = false;
};
// Indices of examples in shuffled batches of near lengths. Nothing is padded, so grouping matters
// for speed only.
std::vector<std::vector<Index>> shuffled_batches(const std::vector<Index>& lengths,
                                                 Generator& generator,
                                                 const BatchOptions& options = {});
// The same for `count` examples of one length.
std::vector<std::vector<Index>> shuffled_batches(Index count, Generator& generator,
                                                 const BatchOptions& options = {});

// Windows of `length` consecutive rows of x [T, D], one for each end e in `ends` (rows e - length +
// 1 .. e), as a batch of equal lengths: rows [length * ends, D] in the order of the layout.
struct Windows {
  Tensor rows;
  SequenceLayout layout;
};
Windows windows_ending_at(const Tensor& x, const std::vector<Index>& ends, Index length);

}  // namespace unroll::data
