// Rows that were looked up in a table. Where the table has fewer rows, what is done to each row
// alike is cheaper done to the table: table[ids] w = (table w)[ids], and going backward the
// gradients of an id's rows are summed before they are multiplied. Private to ops/.
#pragma once

#include <unroll/autograd/ops.h>

namespace unroll {

struct Lookup {
  IndexTensor ids;  // [..], N in all
  Var table;        // [V, D]
};

// Of an x that `embedding` looked up on the tape that records now, in a table with V <= N / 2; else
// nullptr. It lives as long as the tape's entry does.
const Lookup* lookup_of(const Var& x);

// What y = x w + b gives to its inputs at the gradient g [.., M] of y: to x [.., K], w [K, M] and
// b [M], which are the op's inputs 0, 1 and 2. An x that was looked up (`from` says where) gets
// nothing unless somebody looks at its gradient: the table, then input 3, gets it at once. Of x and
// w may be undefined what no gradient needs.
void add_linear_gradients(Cotangents& d, const Var& x, const Var& w, const Var& g,
                          const Lookup* from = nullptr);

}  // namespace unroll
