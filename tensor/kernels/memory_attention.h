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

}  // namespace unroll::kernels
