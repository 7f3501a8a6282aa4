// Attention over sequences: scaled dot-product (Vaswani et al. 2017), multi-head, additive
// (Bahdanau et al. 2015) and dot-product with one query for each step of a decoder (Luong et al.
// 2015).
//
// B batch, T queries, S keys, D model size, H heads. A query whose keys are all masked gives zeros,
// never NaN. All functions throw std::invalid_argument if shapes, dtypes or options do not fit.
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
  Tensor mask = {};      // 0 hides a key; broadcasts to [.., T, S]
  Var bias = {};         // added to the logits; broadcasts to [.., T, S]
  double scale = 0;      // of the logits; 0 means 1 / sqrt(key size)
  double dropout = 0;    // probability, of the weights, in training
  bool weights = false;  // also return the weights
};
// q [.., T, K], k [.., S, K], v [.., S, D] -> out [.., T, D].
Attended scaled_dot_product_attention(const In& q, const In& k, const In& v,
                                      const AttentionOptions& options = {});

class MultiHeadAttention {
 public:
  struct Options {
    Index dim = 0, heads = 1;
    bool bias = true;
    double dropout = 0;  // probability, of the weights, in training
    DType dtype = f32;
    UNROLL_OPTIONS(dim, heads, bias, dropout, dtype)
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
        : keys(std::move(k)), values(std::move(v)), layout(std::move(l)) {}
    Var keys, values;  // [N, D]
    SequenceLayout layout;
  };
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

  // Projects keys and values, to be attended to by any number of queries.
  Memory prepare(const Gathered& keys, Where where = Where::here()) const;
  // Sequence b of the queries attends to sequence b of the memory; their lengths may differ.
  Sequence operator()(const Gathered& queries, const Memory& memory,
                      const CallOptions& options = defaults(), Where where = Where::here()) const;
  // One query per sequence, [B, D] -> [B, D].
  Var operator()(const In& query, const Memory& memory) const;

  Linear query_key_value, out;  // [D, 3 D], [D, D]
  UNROLL_FIELDS(query_key_value, out)

 private:
  static CallOptions defaults();
  double dropping() const { return training() ? dropout_ : 0; }
  // Projects with column blocks of query_key_value: part 0 is queries, 1 keys, 2 values.
  Var project(const In& x, Index part, Index parts = 1) const;
  Var heads_of(const Var& x) const;  // [B, T, D] -> [B, heads, T, D / heads]
  Var joined(const Var& x) const;    // the inverse
  void check_rows(const Gathered& x) const;

  Index heads_;
  double dropout_;
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
    Index query = 0, key = 0, hidden = 0;  // sizes of a query, a key, and wq, wk and v between
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

// weights = softmax_s(q . k), or with `general` softmax_s(q . (k wk)); out = sum_s weights_s
// value_s. Luong et al. 2015.
class DotAttention {
 public:
  struct Options {
    Index query = 0, key = 0;
    bool general =
        true;  // project the keys to the size of the query; otherwise the sizes are equal
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
