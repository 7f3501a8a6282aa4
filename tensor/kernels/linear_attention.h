// Linear attention within groups of rows (sequences): feature maps of queries and keys take the
// place of the softmax, so that a causal pass is a running sum. Computed in chunks of rows, by
// matrix products.
//
// Sequence s has T_s queries and S_s keys; head h uses columns [h K, (h + 1) K) of the rows of q
// and k, and [h D, (h + 1) D) of those of v. B sequences, N rows of queries.
#pragma once

#include <unroll/tensor/kernels/attention.h>

namespace unroll::kernels {

// The sums over the keys of a sequence: of phi(k) v^T, and of phi(k).
template <class T>
struct KeySums {
  T *kv, *k;  // [B, H, K, D], [B, H, K]
};

template <class T>
struct LinearAttention {
  Matrix<const T> q, k, v;  // rows contiguous: one row per query or key, all heads side by side
  RowGroups queries, keys;
  Index heads, size, value_size;  // K, D
  bool causal;                    // query t sees keys 0 .. t; T_s = S_s
  bool reverse;                   // causal: query t sees keys t .. T_s - 1
  T eps;                          // added to the denominators
  KeySums<const T> initial;       // null: zeros
};
// out = numerator / denominator; also writes the denominators [N, H] and the sums after the last
// key.
template <class T>
void linear_attention_forward(const LinearAttention<T>& a, Matrix<T> out, T* denominators,
                              const KeySums<T>& last);

template <class T>
struct LinearAttentionResults {
  Matrix<const T> out;
  const T* denominators;
  KeySums<const T> last;
};
template <class T>
struct LinearAttentionGradients {
  Matrix<T> q, k, v;
  KeySums<T> sums;  // of the last sums; replaced by those of the initial sums
};
template <class T>
void linear_attention_backward(const LinearAttention<T>& a, const LinearAttentionResults<T>& of,
                               Matrix<const T> d_out, const LinearAttentionGradients<T>& gradients);

}  // namespace unroll::kernels
