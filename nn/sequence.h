// Sequence and Tokens: a batch of sequences of any lengths, stored as rows and a layout.
#pragma once

#include <unroll/autograd/ops.h>
#include <unroll/tensor/sequence_layout.h>

namespace unroll::nn {

// rows [N, ..], where N is the sum of the lengths, in the order of the layout: step 0 of all
// sequences, then step 1, and so on (time-major; see SequenceLayout). An op that treats every row
// alike can be applied to `rows`. All functions throw std::invalid_argument if shapes do not fit.
struct Sequence {
  Var rows;
  SequenceLayout layout;

  Sequence() = default;
  // From rows already in the order of the layout. Only their number is checked; for [B, T, ..] use
  // from(x), which reorders them.
  Sequence(Var rows, SequenceLayout layout);
  // From one tensor [L_b, ..] per sequence, as a span, a vector or in braces: from({first,
  // second}). Gradients flow to Vars.
  static Sequence from(std::span<const Tensor> sequences);
  static Sequence from(std::span<const Var> sequences);
  static Sequence from(std::initializer_list<Var> sequences) {
    return from(std::span(sequences.begin(), sequences.size()));
  }
  // From x [B, T, ..]: B sequences of T steps each. For a single sequence [T, ..] use from({x}).
  static Sequence from(const In& x);
  // From [B, T, ..], of which only the first lengths[b] steps of sequence b are used.
  static Sequence from_padded(const In& x, const std::vector<Index>& lengths);

  Index size() const { return layout.sequences(); }
  // The last and first step of each sequence, [B, ..].
  Var last(Where where = Where::here()) const {
    return index_select(In(rows, where), 0, layout.last_rows());
  }
  Var first(Where where = Where::here()) const {
    return index_select(In(rows, where), 0, layout.first_rows());
  }
  Var sum(Where where = Where::here()) const;   // over time, [B, ..]
  Var mean(Where where = Where::here()) const;  // over time, [B, ..]
  // One sequence, [L_b, ..].
  Var at(Index b, Where where = Where::here()) const {
    return index_select(In(rows, where), 0, layout.rows_of(b));
  }
  Var padded(double value = 0, Where where = Where::here()) const;  // [B, T, ..]
  Sequence detach() const { return {rows.detach(), layout}; }
};

// Row by row, for sequences with the same layout, such as x + f(x). Throws if the layouts differ.
// The other operand may also be a number, or anything that broadcasts to the rows (a bias [D], rows
// [N, D]).
Sequence operator+(const Sequence& a, const Sequence& b);
Sequence operator-(const Sequence& a, const Sequence& b);
Sequence operator*(const Sequence& a, const Sequence& b);
Sequence operator/(const Sequence& a, const Sequence& b);
Sequence operator+(const Sequence& a, const In& b);
Sequence operator-(const Sequence& a, const In& b);
Sequence operator*(const Sequence& a, const In& b);
Sequence operator/(const Sequence& a, const In& b);
Sequence operator+(const In& a, const Sequence& b);
Sequence operator-(const In& a, const Sequence& b);
Sequence operator*(const In& a, const Sequence& b);
Sequence operator/(const In& a, const Sequence& b);
Sequence operator+(const Sequence& a, double b);
Sequence operator+(double a, const Sequence& b);
Sequence operator-(const Sequence& a, double b);
Sequence operator-(double a, const Sequence& b);
Sequence operator*(const Sequence& a, double b);
Sequence operator*(double a, const Sequence& b);
Sequence operator/(const Sequence& a, double b);
Sequence operator/(double a, const Sequence& b);
inline Sequence operator-(const Sequence& a) { return {-a.rows, a.layout}; }
// x += y means x = x + y.
inline Sequence& operator+=(Sequence& a, const Sequence& b) { return a = a + b; }
inline Sequence& operator-=(Sequence& a, const Sequence& b) { return a = a - b; }
inline Sequence& operator*=(Sequence& a, const Sequence& b) { return a = a * b; }
inline Sequence& operator/=(Sequence& a, const Sequence& b) { return a = a / b; }
inline Sequence& operator+=(Sequence& a, const In& b) { return a = a + b; }
inline Sequence& operator-=(Sequence& a, const In& b) { return a = a - b; }
inline Sequence& operator*=(Sequence& a, const In& b) { return a = a * b; }
inline Sequence& operator/=(Sequence& a, const In& b) { return a = a / b; }

// The ids of a batch of texts: ids [N] in the order of the layout (time-major), like the rows of a
// Sequence.
struct Tokens {
  IndexTensor ids;
  SequenceLayout layout;

  Tokens() = default;
  // From ids already in the order of the layout: with equal lengths, id t * B + b is step t of text
  // b. Only their number is checked, and ids in another order would train on garbage. For
  // concatenated texts use from(); for chunks of a long text data::streams.
  Tokens(IndexTensor ids, SequenceLayout layout);
  // From one list of ids per text, as a span, a vector or in braces: from({{1, 2}, {3}}).
  static Tokens from(std::span<const std::vector<Index>> sequences);
  static Tokens from(std::initializer_list<std::vector<Index>> sequences) {
    return from(std::span(sequences.begin(), sequences.size()));
  }
  // From ids [B, T]: B texts of T ids each, one per row. To bring targets into the same order, use
  // from(targets).ids.
  static Tokens from(const IndexTensor& ids);
  // From ids [B, T], of which only the first lengths[b] of row b are used.
  static Tokens from_padded(const IndexTensor& ids, const std::vector<Index>& lengths);

  Index size() const { return layout.sequences(); }
};

}  // namespace unroll::nn
