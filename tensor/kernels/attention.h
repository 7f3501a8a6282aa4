// Softmax attention of sequences over rows, a block of queries at a time: what is kept for the way
// back is one number for each query and head, never a matrix of all scores.
//
// Sequence s has T_s queries and S_s keys; head h takes columns [h size, (h + 1) size) of each row.
#pragma once

#include <unroll/tensor/types.h>

namespace unroll::kernels {

// The rows of each sequence, one sequence after another.
struct RowGroups {
  const Index* rows;
  const Index* offsets;  // [count + 1] where each sequence begins in `rows`
  Index count;
  Index length(Index s) const { return offsets[s + 1] - offsets[s]; }
};

// Numbers of rows `step` apart.
template <class T>
struct Rows {
  T* data;
  Index step;
};

template <class T>
struct Attention {
  Rows<const T> q, k, v;
  RowGroups queries, keys;
  Index heads, size, value_size;  // of a head: of queries and keys, and of values
  T scale;                        // of the scores
  bool causal;                    // query t sees keys 0 .. t + S - T only
};

// out = softmax(scale q k^T) v; lse [rows of q, heads] = log of the sum of exp of each row of
// scores. A query that sees no key gives zeros.
template <class T>
void attention_forward(const Attention<T>& a, Rows<T> out, T* lse);
// dq, dk and dv of the rows that take part, which are overwritten.
template <class T>
void attention_backward(const Attention<T>& a, Rows<const T> out, Rows<const T> d_out, const T* lse,
                        Rows<T> dq, Rows<T> dk, Rows<T> dv);

}  // namespace unroll::kernels
