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

// Dropout of the weights: that of query row q, head h and key j of its sequence is 0 with
// probability p, else divided by 1 - p. A hash of the seed and the place decides, so that nothing
// is stored and backward finds the same.
struct AttentionDropout {
  double p = 0;
  std::uint64_t seed = 0;

  // The weight's hash is mixed(key_of(q * heads + h) + j * kNext), and it is dropped below limit().
  static constexpr std::uint32_t kNext = 0x9e3779b9u;
  std::uint32_t key_of(Index place) const {  // splitmix64's finaliser
    std::uint64_t x = seed + static_cast<std::uint64_t>(place) * 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return static_cast<std::uint32_t>((x ^ (x >> 31)) >> 32);
  }
  static constexpr std::uint32_t mixed(std::uint32_t x) {  // MurmurHash3's finaliser
    x = (x ^ (x >> 16)) * 0x85ebca6bu;
    x = (x ^ (x >> 13)) * 0xc2b2ae35u;
    return x ^ (x >> 16);
  }
  std::uint32_t limit() const { return static_cast<std::uint32_t>(p * 4294967296.0); }
  double scale() const { return 1 / (1 - p); }
  // What weight (place, j) is multiplied by.
  double factor(Index place, Index j) const {
    const std::uint32_t hash = mixed(key_of(place) + static_cast<std::uint32_t>(j) * kNext);
    return hash < limit() ? 0 : scale();
  }
};

template <class T>
struct Attention {
  Rows<const T> q, k, v;
  RowGroups queries, keys;
  Index heads, size, value_size;  // of a head: of queries and keys, and of values
  T scale;                        // of the scores
  bool causal;                    // query t sees keys 0 .. t + S - T only
  AttentionDropout dropout = {};
};

// The softmax of a row of scores is exp(score - top - log_sum), top being the largest score and
// log_sum the logarithm of the sum of exp(score - top): where the top is large, their sum would
// round the second away. top is -inf for a query that sees no key.
template <class T>
struct SoftmaxOfRow {
  T top, log_sum;
};
// out = softmax(scale q k^T) v; softmax [rows of q, heads]. A query that sees no key gives zeros.
template <class T>
void attention_forward(const Attention<T>& a, Rows<T> out, SoftmaxOfRow<T>* softmax);
// dq, dk and dv of the rows that take part, which are overwritten.
template <class T>
void attention_backward(const Attention<T>& a, Rows<const T> d_out, const SoftmaxOfRow<T>* softmax,
                        Rows<T> dq, Rows<T> dk, Rows<T> dv);

}  // namespace unroll::kernels
