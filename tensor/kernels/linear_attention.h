// Linear attention within groups of rows (sequences): feature maps of queries and keys take the
// place of the softmax, so that a causal pass is a running sum. Computed in chunks of rows, by
// matrix products.
//
// Sequence s has T_s queries and S_s keys; head h uses columns [h K, (h + 1) K) of the rows of q
// and k, and [h D, (h + 1) D) of those of v. B sequences, N rows of queries. A state [B, H, K, D +
// 1] has the sums over keys of phi(k) [v, 1]^T.
#pragma once

#include <unroll/tensor/kernels/attention.h>

namespace unroll::kernels {

template <class T>
struct LinearAttention {
  Matrix<const T> q, k, v;  // rows contiguous: one row per query or key, all heads side by side
  RowGroups queries, keys;
  Index heads, size, value_size;  // K, D
  bool causal;                    // query t sees keys 0 .. t; T_s = S_s
  bool reverse;                   // causal: query t sees keys t .. T_s - 1
  T eps;                          // added to the denominators
  const T* initial;               // state; null: zeros
};
// out = numerator / denominator; also writes the denominators [N, H] and the last state.
template <class T>
void linear_attention_forward(const LinearAttention<T>& a, Matrix<T> out, T* denominators, T* last);

template <class T>
struct LinearAttentionGradients {
  Matrix<const T> out;    // of forward
  const T* denominators;  // of forward
  const T* last;          // of forward; not used if causal
  Matrix<const T> d_out;
  Matrix<T> dq, dk, dv;  // overwritten
  T* d_state;            // of the last state; replaced by that of the initial state
};
template <class T>
void linear_attention_backward(const LinearAttention<T>& a, const LinearAttentionGradients<T>& d);

}  // namespace unroll::kernels
