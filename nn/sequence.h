// Sequence and Tokens: a batch of sequences of any lengths, as rows and a layout.
#pragma once

#include <unroll/autograd/ops.h>
#include <unroll/tensor/sequence_layout.h>

namespace unroll::nn {

// Rows [N, ..], N the sum of the lengths; see SequenceLayout for their order. Whatever works row by
// row works on `rows`.
struct Sequence {
  Var rows;
  SequenceLayout layout;

  Sequence() = default;
  Sequence(Var rows, SequenceLayout layout);
  // From one tensor [L_b, ..] for each sequence.
  static Sequence from(std::span<const Tensor> sequences);
  // From [B, T, ..], of which the first lengths[b] steps of each row count.
  static Sequence from_padded(const In& x, const std::vector<Index>& lengths);

  Index size() const { return layout.sequences(); }
  // Each sequence's own, [B, ..].
  Var last(Where where = Where::here()) const {
    return index_select(In(rows, where), 0, layout.last_rows());
  }
  Var first(Where where = Where::here()) const {
    return index_select(In(rows, where), 0, layout.first_rows());
  }
  Var sum(Where where = Where::here()) const;   // over time
  Var mean(Where where = Where::here()) const;  // over time
  // One sequence, [L_b, ..].
  Var at(Index b, Where where = Where::here()) const {
    return index_select(In(rows, where), 0, layout.rows_of(b));
  }
  Var padded(double value = 0, Where where = Where::here()) const;  // [B, T, ..]
  Sequence detach() const { return {rows.detach(), layout}; }
};

// The ids of a batch of texts: ids [N].
struct Tokens {
  IndexTensor ids;
  SequenceLayout layout;

  Tokens() = default;
  Tokens(IndexTensor ids, SequenceLayout layout);
  static Tokens from(std::span<const std::vector<Index>> sequences);
  static Tokens from_padded(const IndexTensor& ids, const std::vector<Index>& lengths);  // [B, T]
};

}  // namespace unroll::nn
