// Gathered: a sequence many of whose rows are equal, such as the embeddings of letters. It holds a
// table of the distinct rows, and for each row of the sequence its index in the table.
//
//   auto x = embed(tokens);        // 30 distinct rows, 2,000 rows in all
//   auto y = norm(linear(x));      // computed on the 30 rows
//   Sequence z = y;                // converts to a Sequence where one is needed
//
// A layer that treats every row alike is applied to the table: f(table[ids]) = f(table)[ids]. In
// backward, gradients of equal rows are summed before they go through f. `Linear`, norms,
// activations and recurrent layers do this; everything else uses the gathered rows.
#pragma once

#include <unroll/nn/sequence.h>

namespace unroll::nn {

class Gathered {
 public:
  Gathered() = default;
  // A Sequence without a table. Implicit, so that a function of a Gathered also takes a Sequence.
  Gathered(const Sequence& x) : table_(x.rows), layout_(x.layout) {}
  Gathered(Var rows, SequenceLayout layout)
      : Gathered(Sequence(std::move(rows), std::move(layout))) {}
  // Row n is table[ids[n]]; table [U, ..], ids [N] in the order of the layout. Throws
  // std::invalid_argument unless there is one id per row of the layout.
  Gathered(Var table, IndexTensor ids, SequenceLayout layout);

  // Whether there is a table; if not, `table` holds all rows.
  bool has_ids() const { return ids_.defined(); }
  const Var& table() const { return table_; }      // [U, ..], or [N, ..]
  const IndexTensor& ids() const { return ids_; }  // [N], or undefined
  const SequenceLayout& layout() const { return layout_; }
  Index size() const { return layout_.sequences(); }

  Var rows() const;  // [N, ..]; gathers at each call
  operator Sequence() const { return {rows(), layout_}; }
  // Applies f, which must treat every row alike, to the table or the rows.
  template <class F>
  Gathered map(F&& f) const {
    return ids_.defined() ? Gathered(f(table_), ids_, layout_)
                          : Gathered(Sequence(f(table_), layout_));
  }

  // The same functions as Sequence has.
  Var last() const { return Sequence(*this).last(); }
  Var first() const { return Sequence(*this).first(); }
  Var sum() const { return Sequence(*this).sum(); }
  Var mean() const { return Sequence(*this).mean(); }
  Var at(Index b) const { return Sequence(*this).at(b); }
  Var padded(double value = 0) const { return Sequence(*this).padded(value); }
  Sequence detach() const { return Sequence(*this).detach(); }

 private:
  Var table_;
  IndexTensor ids_;
  SequenceLayout layout_;
};

inline Gathered operator*(const Gathered& x, double factor) {
  return x.map([&](const Var& rows) { return rows * factor; });
}
inline Gathered operator*(double factor, const Gathered& x) { return x * factor; }

}  // namespace unroll::nn
