// Attention over sequences: scaled dot-product (Vaswani et al. 2017), multi-head, additive
// (Bahdanau et al. 2015) and dot-product with one query for each step of a decoder (Luong et al.
// 2015).
//
// B batch, T queries, S keys, D model size, K size of a head, G heads of keys and values. A query
// whose keys are all masked gives zeros, never NaN. All functions throw std::invalid_argument if
// shapes, dtypes or options do not match.
#pragma once

#include <unroll/autograd/sequence/memory_attention.h>
#include <unroll/nn/layers.h>

#include <optional>

namespace unroll::nn {

struct Attended {
  Var out;      // [.., T, D]
  Var weights;  // [.., T, S]; undefined unless requested
};

struct AttentionOptions {
  bool causal = false;   // query t sees keys 0 .. t + S - T only, so the last query sees all
  Index window = 0;      // query t sees only keys nearer than this to t + S - T; 0: all
  Tensor mask = {};      // 0 hides a key; broadcasts to [.., T, S]
  Var bias = {};         // added to the logits; broadcasts to [.., T, S]
  double scale = 0;      // of the logits; 0 means 1 / sqrt(key size)
  double dropout = 0;    // probability, of the weights, in training
  bool weights = false;  // also return the weights
};
// q [.., T, K], k [.., S, K], v [.., S, D] -> out [.., T, D].
Attended scaled_dot_product_attention(const In& q, const In& k, const In& v,
                                      const AttentionOptions& options = {});

// Rotary positions (Su et al. 2021) of queries and keys: none, or which columns of a head are
// rotated together: 2 i and 2 i + 1 (as in the paper), or i and i + size / 2 (as in GPT-NeoX and
// LLaMA).
enum class Rotary { none, interleaved, split_half };

// How MultiHeadAttention attends. T steps, K size of a head:
//   full      softmax(q k^T) v: time O(T^2)
//   linear    linear_attention: a feature map in place of the softmax; time O(T K). A stream keeps
//             sums of constant size. Katharopoulos et al. 2020
//   low_rank  softmax attention to `rank` learned weighted sums, over time, of the keys and of the
//             values; time O(T rank), not causal. Wang et al. 2020
enum class AttentionKind { full, linear, low_rank };

// The keys and values of the steps that a stream has read so far, for MultiHeadAttention::step.
// Each of the B sequences has its own length. Memory for `capacity` steps is allocated at once;
// with a window it is used as a ring, so that streams may be of any length. Linear attention keeps
// sums over the steps instead, whose size does not grow. Copies are independent.
class KeyValueCache {
 public:
  KeyValueCache() = default;  // undefined
  // Throws std::invalid_argument if a size is below 1. `window`: only the last steps are needed.
  struct Options {
    Index batch = 0, capacity = 0;
    Index columns = 0;  // of a key, and of a value
    Index window = 0;   // 0: all steps are needed
    Index sums = 0;     // heads of linear attention; 0: keys and values are kept
    DType dtype = f32;
  };
  explicit KeyValueCache(const Options& options);
  KeyValueCache(const KeyValueCache& other);
  KeyValueCache& operator=(const KeyValueCache& other);
  KeyValueCache(KeyValueCache&&) noexcept = default;
  KeyValueCache& operator=(KeyValueCache&&) noexcept = default;

  bool defined() const { return keys_.defined() || sums_.defined(); }
  Index size() const { return static_cast<Index>(lengths_.size()); }         // B
  Index capacity() const { return keys_.defined() ? keys_.shape()[1] : 0; }  // with sums 0
  const std::vector<Index>& lengths() const { return lengths_; }  // [B] steps read so far
  // Row i of the result is row rows[i] of this cache, for nn/decode.h.
  KeyValueCache select_rows(const IndexTensor& rows) const;

 private:
  friend class MultiHeadAttention;
  // Throws unless sequence b has room for `steps` more.
  void check_room(Index b, Index steps) const;
  // The row of step t of sequence b in keys and values, as rows [B capacity, columns].
  Index slot(Index b, Index t) const { return b * capacity() + (ring_ ? t % capacity() : t); }
  Index stored(Index b) const { return std::min(lengths_[b], capacity()); }
  // Copies row n of projected keys and values, in columns [first, first + columns) and those that
  // follow, to step t of sequence b.
  void store(const Tensor& projected, Index first, Index n, Index b, Index t);
  Tensor rows(const Tensor& x) const { return x.reshape({-1, x.shape()[2]}); }

  Tensor keys_, values_;  // [B, capacity, columns]
  Tensor sums_;           // [B, heads, K, K + 1], see linear_attention
  std::vector<Index> lengths_;
  bool ring_ = false;
};

class MultiHeadAttention {
 public:
  struct Options {
    Index dim = 0, heads = 1;
    Index kv_heads = 0;  // G, heads of keys and values, which divide `heads`; 0: heads. Query head
                         // h uses head h / (heads / G). Ainslie et al. 2023; G = 1: Shazeer 2019
    // Only keys nearer than this to the query's position are seen: causal, the last `window` steps,
    // the query's own included; otherwise window - 1 on each side. 0: all
    Index window = 0;
    Rotary rotary = Rotary::none;  // of queries and keys; position t is step t of the sequence
    double rotary_base = 10000;
    // linear needs kv_heads = heads; linear and low_rank have no window, no rotary positions, no
    // mask, bias or weights, and are for self-attention (no Memory); linear has no dropout.
    AttentionKind kind = AttentionKind::full;
    Index rank = 0;        // low_rank: number of sums of keys, and of values, per sequence
    Index max_length = 0;  // low_rank: steps of the longest sequence
    bool bias = true;
    double dropout = 0;  // probability, of the weights, in training
    DType dtype = f32;
    UNROLL_OPTIONS(dim, heads, kv_heads, window, rotary, rotary_base, kind, rank, max_length, bias,
                   dropout, dtype)
  };
  struct CallOptions {
    bool causal = false;
    Tensor mask = {};      // 0 hides a key; broadcasts to [B, heads, T, S]
    Var bias = {};         // added to the logits; broadcasts to [B, heads, T, S]
    bool weights = false;  // also return the weights, [B, heads, T, S]
  };
  // The keys and values of a batch of sequences, projected once and used for any number of queries.
  struct Memory {
    Memory(Var k, Var v, SequenceLayout l)  // made by prepare()
        : keys(std::move(k)),
          values(std::move(v)),
          layout(std::move(l)),
          groups(RowGroups::of(layout)) {}
    Var keys, values;  // [N, G K]
    SequenceLayout layout;
    RowGroups groups;  // the rows of each sequence
  };
  using Cache = KeyValueCache;
  // Initial weights of the projections: xavier_uniform (Glorot and Bengio 2010), biases 0, as in
  // PyTorch. `heads` must divide `dim`.
  explicit MultiHeadAttention(const Options& options);

  // query [B, T, D], key and value [B, S, D] -> out [B, T, D]. Without mask, bias and weights this
  // is one fused op with memory O(T); otherwise memory is O(T S).
  Attended operator()(const In& query, const In& key, const In& value,
                      const CallOptions& options) const;
  Attended operator()(const In& query, const In& key, const In& value) const {
    return (*this)(query, key, value, {});
  }
  // Self-attention within each sequence of a batch, without padding.
  Sequence operator()(const Gathered& x, const CallOptions& options = defaults(),
                      Where where = Where::here()) const;

  // Projects keys and values, to be attended to by any number of queries. Throws if the options
  // have a window or rotary positions: those are for self-attention.
  Memory prepare(const Gathered& keys, Where where = Where::here()) const;
  // Sequence b of the queries attends to sequence b of the memory; their lengths may differ.
  Sequence operator()(const Gathered& queries, const Memory& memory,
                      const CallOptions& options = defaults(), Where where = Where::here()) const;
  // One query per sequence, [B, D] -> [B, D].
  Var operator()(const In& query, const Memory& memory) const;
  // Row r of the queries [R, D] attends to sequence source_of[r] of the memory.
  Var operator()(const In& query, const Memory& memory, const IndexTensor& source_of) const;

  // Streams: causal self-attention, one step at a time. The results equal those of a call with all
  // steps and .causal = true. With a window, `capacity` may be 0: the window is enough.
  Cache cache(Index batch, Index capacity) const;
  // The next step of each sequence: x [B, D] -> [B, D]; appends it to the cache. Not recorded, and
  // without dropout. Throws std::invalid_argument if the cache is full, or if a tape records.
  Var step(const In& x, Cache& cache) const;
  // The next steps of each sequence at once, such as prompts of different lengths.
  Sequence prefill(const Gathered& x, Cache& cache, Where where = Where::here()) const;

  Linear query_key_value, out;  // [D, D + 2 D G / heads]: queries, keys, values; [D, D]
  // low_rank: the weights [max_length, rank] of the sums over time, of keys and of values; a
  // sequence of T steps uses the first T rows. Initially normal with variance 1 / rank.
  Param key_sums, value_sums;
  UNROLL_FIELDS(query_key_value, out, key_sums, value_sums)

 private:
  static CallOptions defaults();
  double dropping() const { return training() ? dropout_ : 0; }
  Index dim() const { return out.weight.shape()[0]; }
  Index columns() const { return dim() / heads_ * kv_heads_; }  // of keys, and of values
  // Attention of projected rows: q, k and v, or one tensor with all three side by side. All calls
  // use it, except those with a mask, a bias or the weights, and single steps of a stream.
  Var attend(std::span<const Var> projected, const RowGroups& queries, const RowGroups& keys,
             bool causal) const;
  // low_rank: keys or values [N, G K] -> [B rank, G K], the sums of each sequence.
  Var summed(const Var& rows, const RowGroups& groups, const Param& weights) const;
  // The first `heads` heads of rows [N, ..], rotated to their positions.
  Var rotated(const Var& rows, const IndexTensor& positions, Index heads) const;
  // Projects with column blocks of query_key_value: queries; keys and values; or one of these.
  Var project_query(const In& x) const { return project(x, 0, dim()); }
  Var project(const In& x, Index column, Index columns) const;
  Var heads_of(const Var& x, Index heads) const;  // [B, T, D] -> [B, heads_, T, D / heads]
  Var joined(const Var& x) const;                 // [B, heads_, T, K] -> [B, T, heads_ K]
  void check_rows(const Gathered& x) const;
  void check_cache(const Cache& cache, Index batch) const;

  Index heads_, kv_heads_, window_;
  AttentionKind kind_;
  Rotary rotary_;
  double rotary_base_, dropout_;
};

// A batch of sequences with their keys, which are projected once and used for any number of
// queries.
struct AttentionMemory {
  AttentionMemory(Sequence v, Var k)  // made by prepare()
      : values(std::move(v)), keys(std::move(k)), groups(RowGroups::of(values.layout)) {}
  Sequence values;   // rows [N, key]
  Var keys;          // [N, K] projected
  RowGroups groups;  // the rows of each sequence
};

// weights = softmax_s(v . tanh(q wq + k wk)); out = sum_s weights_s value_s. Bahdanau et al. 2015.
class AdditiveAttention {
 public:
  struct Options {
    Index query = 0, key = 0, hidden = 0;  // sizes of a query, of a key, of both when projected
    DType dtype = f32;
    UNROLL_OPTIONS(query, key, hidden, dtype)
  };
  using Memory = AttentionMemory;
  explicit AdditiveAttention(const Options& options);
  // Projects the keys; they are also the values.
  Memory prepare(const Gathered& keys, Where where = Where::here()) const;
  // One query per sequence, [B, query], over the rows of that sequence: out [B, key], weights [N]
  // (one per row).
  Attended operator()(const In& query, const Memory& memory) const;
  Attended operator()(const In& query, const Gathered& keys) const {
    return (*this)(query, prepare(keys));
  }
  // Any number of queries per sequence: group b of the rows [R, query] attends to sequence b. Out
  // [R, key]; weights: for each query row, in order, one for each row of its sequence
  // (MemoryRows::weights_at).
  Attended operator()(const In& queries, const Memory& memory, const RowGroups& rows) const;

  Linear wq, wk;  // [query, hidden], [key, hidden]
  Param v;        // [hidden, 1]
  UNROLL_FIELDS(wq, wk, v)
};

// weights = softmax_s(q . k), or with `general` softmax_s(q . (k wk));
// out = sum_s weights_s value_s. Luong et al. 2015.
class DotAttention {
 public:
  struct Options {
    Index query = 0, key = 0;
    // Project the keys to the size of the query; if false, both must have the same size.
    bool general = true;
    DType dtype = f32;
  };
  using Memory = AttentionMemory;
  explicit DotAttention(const Options& options);
  // The same functions as AdditiveAttention has.
  Memory prepare(const Gathered& keys, Where where = Where::here()) const;
  Attended operator()(const In& query, const Memory& memory) const;
  Attended operator()(const In& query, const Gathered& keys) const {
    return (*this)(query, prepare(keys));
  }
  Attended operator()(const In& queries, const Memory& memory, const RowGroups& rows) const;

  std::optional<Linear> wk;  // [key, query], only if general
  UNROLL_FIELDS(wk)

 private:
  Index key_;
};

// Softmax of logits [N] within each sequence of a batch.
Var softmax_by_sequence(const In& logits, const SequenceLayout& layout);

}  // namespace unroll::nn
