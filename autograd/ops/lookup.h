// Rows that were looked up in a table. Where the table has fewer rows, what is done to each row
// alike is cheaper done to the table: f(table[ids]) = f(table)[ids], and going backward the
// gradients of a row's copies are summed before they go through f. Private to ops/.
#pragma once

#include <unroll/autograd/ops.h>

#include <functional>

namespace unroll {

struct Lookup {
  IndexTensor ids;  // [..], N in all
  Var table;        // [V, D], V <= N / 2
  // The looked-up rows of which these were made, row by row. They get their gradient only where
  // somebody looks at it.
  std::vector<Var> made_of;

  // Whether the gradient of one of those is looked at.
  bool watched(const Cotangents& d) const;
};

// Where x was looked up, if it was so on the tape that records now and no backward is under way;
// else nullptr. It lives as long as the tape's entry does.
const Lookup* lookup_of(const Var& x);

// f(x) of an x that was looked up `from` there, for an f that does the same to each row.
Var look_up(const In& x, const Lookup& from, std::function<Var(const Var&)> f);

}  // namespace unroll
