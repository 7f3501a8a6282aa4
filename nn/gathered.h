// Gathered: a sequence whose rows are alike in places, as embeddings of letters are: a table of the
// rows that occur, each once, and for each row of the sequence its place in the table.
//
//   auto x = embed(tokens);        // 30 different rows, 2,000 in all
//   auto y = norm(linear(x));      // works on the 30
//   Sequence z = y;                // a Sequence wherever one is needed
//
// What a layer does to each row alike it does to the table's rows: f(table[ids]) = f(table)[ids],
// and in backward the gradients of equal rows are summed before they go through f. `Linear`, norms,
// activations and recurrent layers have that form; everything else takes the rows.
#pragma once

#include <unroll/nn/sequence.h>

namespace unroll::nn {

class Gathered {
 public:
  Gathered() = default;
  // Every row by itself: implicit, so that a function of a Gathered takes any Sequence.
  Gathered(const Sequence& x) : table_(x.rows), layout_(x.layout) {}
  Gathered(Var rows, SequenceLayout layout)
      : Gathered(Sequence(std::move(rows), std::move(layout))) {}
  // Row n is table[ids[n]]; table [U, ..], ids [N] in the order of the layout. Throws
  // std::invalid_argument unless there is one id for each row of the layout.
  Gathered(Var table, IndexTensor ids, SequenceLayout layout);

  // Whether there is a table; if not, `table` has all rows.
  bool has_ids() const { return ids_.defined(); }
  const Var& table() const { return table_; }      // [U, ..], or [N, ..]
  const IndexTensor& ids() const { return ids_; }  // [N], or undefined
  const SequenceLayout& layout() const { return layout_; }
  Index size() const { return layout_.sequences(); }

  Var rows() const;  // [N, ..], gathered at each call
  operator Sequence() const { return {rows(), layout_}; }
  // f of each row, for an f that does the same to every row.
  template <class F>
  Gathered map(F&& f) const {
    return ids_.defined() ? Gathered(f(table_), ids_, layout_)
                          : Gathered(Sequence(f(table_), layout_));
  }

  // As Sequence's.
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
