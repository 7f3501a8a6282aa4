// Softmax attention within groups of rows (sequences), computed in blocks of queries. Saved for
// backward: two values per query and head, never the matrix of logits.
//
// Sequence s has T_s queries and S_s keys. Head h uses columns [h size, (h + 1) size) of a query's
// row, and block h / (heads / kv_heads) of the columns of keys and values.
#pragma once

#include <unroll/tensor/kernels/dispatch.h>
#include <unroll/tensor/kernels/matrix.h>

namespace unroll::kernels {

// The rows of each sequence, concatenated over sequences.
struct RowGroups {
  const Index* rows;
  const Index* offsets;  // [count + 1] start of each sequence in `rows`
  Index count;
  Index length(Index s) const { return offsets[s + 1] - offsets[s]; }
};

// Dropout of the weights: the weight of query row q, head h and key j is dropped with probability
// p, otherwise divided by 1 - p. A hash of seed and position decides, so that no mask is stored and
// backward recomputes the same one.
struct AttentionDropout {
  double p = 0;
  std::uint64_t seed = 0;

  // The hash of a weight is mixed(key_of(q * heads + h) + j * kNext); it is dropped if below
  // limit().
  static constexpr std::uint32_t kNext = 0x9e3779b9u;
  std::uint32_t key_of(Index place) const {  // finaliser of splitmix64
    std::uint64_t x = seed + static_cast<std::uint64_t>(place) * 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return static_cast<std::uint32_t>((x ^ (x >> 31)) >> 32);
  }
  static constexpr std::uint32_t mixed(std::uint32_t x) {  // finaliser of MurmurHash3
    x = (x ^ (x >> 16)) * 0x85ebca6bu;
    x = (x ^ (x >> 13)) * 0xc2b2ae35u;
    return x ^ (x >> 16);
  }
  std::uint32_t limit() const { return static_cast<std::uint32_t>(p * 4294967296.0); }
  double scale() const { return 1 / (1 - p); }
  // The factor of weight (place, j): 0 or 1 / (1 - p).
  double factor(Index place, Index j) const {
    const std::uint32_t hash = mixed(key_of(place) + static_cast<std::uint32_t>(j) * kNext);
    return hash < limit() ? 0 : scale();
  }
};

template <class T>
struct Attention {
  Matrix<const T> q, k, v;  // rows contiguous: one row per query or key, all heads side by side
  RowGroups queries, keys;
  Index heads, kv_heads;   // of queries; of keys and values
  Index size, value_size;  // columns per head: of queries and keys, and of values
  T scale;                 // of the logits
  bool causal;             // query t sees only keys up to t + S - T
  Index window = 0;        // query t sees only keys nearer than this to t + S - T; 0: all
  AttentionDropout dropout = {};
};

// The softmax of a row of logits is exp(logit - top - log_sum), where top is the maximum and
// log_sum = log(sum of exp(logit - top)). They are kept apart because for a large top, the sum top
// + log_sum would round log_sum away. top is -inf for a query that sees no key.
template <class T>
struct SoftmaxOfRow {
  T top, log_sum;
};
// out = softmax(scale q k^T) v; also writes softmax [query rows, heads]. A query that sees no key
// gives zeros.
template <class T>
void attention_forward(const Attention<T>& a, Matrix<T> out, SoftmaxOfRow<T>* softmax);
template <class T>
struct AttentionGradients {
  Matrix<T> q, k, v;
};
// Overwrites the rows of the gradients that belong to a sequence.
template <class T>
void attention_backward(const Attention<T>& a, Matrix<const T> d_out,
                        const SoftmaxOfRow<T>* softmax, const AttentionGradients<T>& gradients);

// The keys of a single query: rows[0 .. count), or with null the rows first .. first + count - 1.
struct KeysOfQuery {
  const Index* rows;
  Index first, count;
};
// One query per row, as in a step of a stream: nothing is packed or saved.
template <class T>
struct AttentionStep {
  Matrix<const T> q, k, v;
  const KeysOfQuery* keys;  // [rows of q]
  Index heads, kv_heads, size, value_size;
  T scale;
};
// out = softmax(scale q k^T) v; zeros for a query without keys.
template <class T>
void attention_step(const AttentionStep<T>& a, Matrix<T> out);

// Forward and backward for one head of keys and values of sequence s, and the heads of queries that
// use it; a step for heads [kv, kv_end) of keys and values of row r.
template <class T>
struct AttentionKernels {
  void (*forward_head)(const Attention<T>& a, Index s, Index kv, const Matrix<T>& out,
                       SoftmaxOfRow<T>* softmax);
  void (*backward_head)(const Attention<T>& a, Index s, Index kv, const Matrix<const T>& d_out,
                        const SoftmaxOfRow<T>* softmax, const AttentionGradients<T>& gradients);
  void (*step_heads)(const AttentionStep<T>& a, Index r, Index kv, Index kv_end,
                     const Matrix<T>& out);
};

}  // namespace unroll::kernels
