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

// A long list of ids as parallel streams, for truncated back-propagation through time: the text is
// cut into `count` pieces of equal length, and each chunk has the next `steps` ids of every piece.
// The state after a chunk is where the next one begins:
//
//   for (const data::StreamChunk& c : data::streams(ids, {.count = 20, .steps = 35})) {
//     auto out = lstm(embed(nn::Tokens(c.ids, c.layout)), state);
//     loss = nn::cross_entropy(head(out).rows, c.targets);
//     ... state = out.carry();
//   }
struct StreamOptions {
  Index count = 1;   // streams, the batch
  Index steps = 35;  // of a chunk
};
struct StreamChunk {
  IndexTensor ids;      // [N] in the layout's order
  IndexTensor targets;  // [N] the id that follows each in its stream
  SequenceLayout layout;
};
// The last chunk is shorter where the steps do not divide a stream. Up to `count` ids at the end
// are left over. Throws unless count and steps are at least 1 and each stream gets a target.
std::vector<StreamChunk> streams(const IndexTensor& ids, const StreamOptions& options);

}  // namespace unroll::data
