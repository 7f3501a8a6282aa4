// Sequence and Tokens: a batch of sequences of any lengths, as rows and a layout.
#pragma once

#include <unroll/autograd/ops.h>
#include <unroll/tensor/sequence_layout.h>

namespace unroll::nn {

// Rows [N, ..], N the sum of the lengths, in the order of the layout: step 0 of all sequences, then
// step 1, and so on (time-major; see SequenceLayout). Whatever works row by row works on `rows`.
struct Sequence {
  Var rows;
  SequenceLayout layout;

  Sequence() = default;
  // Rows that stand in the layout's order already. Only their number is checked: of [B, T, ..]
  // use from(x), which reorders.
  Sequence(Var rows, SequenceLayout layout);
  // From one tensor [L_b, ..] for each sequence, as a span, a vector or in braces:
  // from({first, second}). Gradients go through where they are Vars.
  static Sequence from(std::span<const Tensor> sequences);
  static Sequence from(std::span<const Var> sequences);
  static Sequence from(std::initializer_list<Var> sequences) {
    return from(std::span(sequences.begin(), sequences.size()));
  }
  // From x [B, T, ..]: B sequences of T steps each. One alone, [T, ..], is from({x}).
  static Sequence from(const In& x);
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

// Row by row, for sequences of one layout: x + f(x). Throws when the layouts differ. The other
// operand may also be a number, or anything that broadcasts to the rows (a bias [D], rows [N, D]).
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
// x += y is x = x + y.
inline Sequence& operator+=(Sequence& a, const Sequence& b) { return a = a + b; }
inline Sequence& operator-=(Sequence& a, const Sequence& b) { return a = a - b; }
inline Sequence& operator*=(Sequence& a, const Sequence& b) { return a = a * b; }
inline Sequence& operator/=(Sequence& a, const Sequence& b) { return a = a / b; }
inline Sequence& operator+=(Sequence& a, const In& b) { return a = a + b; }
inline Sequence& operator-=(Sequence& a, const In& b) { return a = a - b; }
inline Sequence& operator*=(Sequence& a, const In& b) { return a = a * b; }
inline Sequence& operator/=(Sequence& a, const In& b) { return a = a / b; }

// The ids of a batch of texts: ids [N] in the order of the layout (time-major), as the rows of a
// Sequence.
struct Tokens {
  IndexTensor ids;
  SequenceLayout layout;

  Tokens() = default;
  // Ids that stand in the layout's order already: id t * B + b is step t of text b where lengths
  // are equal. Only their number is checked, so that ids one text after another would train on
  // garbage: for those use from(), for the chunks of a long text data::streams.
  Tokens(IndexTensor ids, SequenceLayout layout);
  // From one list of ids for each text, as a span, a vector or in braces: from({{1, 2}, {3}}).
  static Tokens from(std::span<const std::vector<Index>> sequences);
  static Tokens from(std::initializer_list<std::vector<Index>> sequences) {
    return from(std::span(sequences.begin(), sequences.size()));
  }
  // From ids [B, T]: B texts of T ids each, one a row. Targets for each id are put into the same
  // order by from(targets).ids.
  static Tokens from(const IndexTensor& ids);
  // From ids [B, T], of which the first lengths[b] of each row count.
  static Tokens from_padded(const IndexTensor& ids, const std::vector<Index>& lengths);

  Index size() const { return layout.sequences(); }
};

}  // namespace unroll::nn
