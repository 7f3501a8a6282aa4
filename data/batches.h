// Batches of sequences, and windows and chunks of long ones. All functions throw
// std::invalid_argument if sizes or positions do not fit.
#pragma once

#include <unroll/tensor/random.h>
#include <unroll/tensor/sequence_layout.h>

#include <vector>

namespace unroll::data {

struct BatchOptions {
  Index size = 32;         // examples per batch
  Index bucket = 16;       // batches per bucket: examples are sorted by length within a bucket only
  bool drop_last = false;  // leave out the last batch if it is smaller
};
// Indices of examples in shuffled batches of similar lengths. Nothing is padded, so similar
// lengths only make batches faster.
std::vector<std::vector<Index>> shuffled_batches(const std::vector<Index>& lengths,
                                                 Generator& generator,
                                                 const BatchOptions& options = {});
// The same for `count` examples of equal length.
std::vector<std::vector<Index>> shuffled_batches(Index count, Generator& generator,
                                                 const BatchOptions& options = {});

// Windows of `length` consecutive rows of x [T, D], one per end e in `ends` (rows e - length + 1 ..
// e), as a batch of equal lengths: rows [length * ends, D] in the order of the layout.
struct Windows {
  Tensor rows;
  SequenceLayout layout;
};
Windows windows_ending_at(const Tensor& x, const std::vector<Index>& ends, Index length);

// A long list of ids as parallel streams, for truncated backpropagation through time. The text is
// cut into `count` streams of equal length, and each chunk has the next `steps` ids of every
// stream. The state after a chunk is the initial state of the next one:
//
//   for (const data::StreamChunk& c : data::streams(ids, {.count = 20, .steps = 35})) {
//     auto out = lstm(embed(nn::Tokens(c.ids, c.layout)), state);
//     loss = nn::cross_entropy(head(out).rows, c.targets);
//     ... state = out.carry();
//   }
struct StreamOptions {
  Index count = 1;   // number of streams, which is the batch size
  Index steps = 35;  // per chunk
};
struct StreamChunk {
  IndexTensor ids;      // [N] in the layout's order
  IndexTensor targets;  // [N] the next id in the stream
  SequenceLayout layout;
};
// The last chunk is shorter if `steps` does not divide the length of a stream. Up to `count` ids at
// the end are not used. Throws unless count and steps are at least 1 and each stream has a target.
std::vector<StreamChunk> streams(const IndexTensor& ids, const StreamOptions& options);

}  // namespace unroll::data
