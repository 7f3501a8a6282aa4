// Attention of queries over the rows of a memory, by additive logits or dot products. The weights
// are stored, because they are a result. (attention.h is for long sequences: it never stores them.)
//
// R query rows and M memory rows in groups; group s has T_s queries and S_s keys. H is the size of
// queries and keys, D that of the values.
#pragma once

#include <unroll/tensor/kernels/attention.h>

namespace unroll::kernels {

template <class T>
struct MemoryAttention {
  const T *q, *k, *values;  // [R, H], [M, H], [M, D], contiguous
  const T* v;               // [H], or nullptr for dot products
  RowGroups queries, keys;
  const Index* weights_at;  // [R]: where the S_s weights of a query row begin
  Index size, value_size;   // H, D
};

// logits = v . tanh(q + k), or q . k; weights = softmax over the keys of the group;
// out = sum of weights times values. Writes out [R, D] and all weights.
template <class T>
void memory_attention_forward(const MemoryAttention<T>& a, T* out, T* weights);

template <class T>
struct MemoryAttentionGradients {
  const T *out, *weights;  // of the results; each may be nullptr
  T *q, *k, *values;       // overwritten for all rows that belong to a group
  T* v;                    // [groups, H], overwritten: the part of each group
};
// `weights` are those that forward wrote.
template <class T>
void memory_attention_backward(const MemoryAttention<T>& a, const T* weights,
                               const MemoryAttentionGradients<T>& d);

// What the table computes, for the rows of one group.

// Some rows of a matrix, such as those of a group; all if `rows` is nullptr.
template <class T>
struct Picked {
  T* data;
  const Index* rows;
  Index count, size;  // of a row
  T* row(Index i) const { return data + (rows ? rows[i] : i) * size; }
};
// A matrix over pairs of rows; its transpose has the strides exchanged.
template <class T>
struct Pairs {
  T* data;
  Index row_stride, column_stride;
  T& at(Index i, Index j) const { return data[i * row_stride + j * column_stride]; }
};
template <class T>
struct MemoryAttentionKernels {
  // out(i, j) = a_i . b_j
  void (*products)(Picked<const T> a, Picked<const T> b, Pairs<T> out);
  // out(i, j) = v . tanh(a_i + b_j)
  void (*additive_logits)(Picked<const T> a, Picked<const T> b, const T* v, Pairs<T> out);
  // to_i = sum over j of weights(i, j) from_j
  void (*weighted_sums)(Pairs<const T> weights, Picked<const T> from, Picked<T> to);
  // The backward of additive_logits, given the gradient g of `out`. Overwrites da, db and dv.
  void (*additive_backward)(Pairs<const T> g, Picked<const T> a, Picked<const T> b, const T* v,
                            Picked<T> da, Picked<T> db, T* dv);
};

}  // namespace unroll::kernels
