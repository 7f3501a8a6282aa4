// Attention over sequences: scaled dot products (Vaswani et al. 2017), many heads, and the additive
// kind (Bahdanau et al. 2015).
//
// B batch, T queries, S keys, D model size, H heads. A query all of whose keys are masked gives
// zeros, never NaN.
#pragma once

#include <unroll/nn/layers.h>

namespace unroll::nn {

struct Attended {
  Var out;      // [.., T, D]
  Var weights;  // [.., T, S]; undefined unless asked for
};

struct AttentionOptions {
  bool causal = false;   // query t sees keys 0 .. t only (the last query sees all, when S > T)
  Tensor mask = {};      // 0 where a key must not be seen; broadcasts to [.., T, S]
  Var bias = {};         // added to the logits; broadcasts to [.., T, S]
  double scale = 0;      // above 0, or 0 for 1 / sqrt(size of a key)
  double dropout = 0;    // of the weights, in training
  bool weights = false;  // return the weights
};
// q [.., T, K], k [.., S, K], v [.., S, D]
Attended scaled_dot_product_attention(const In& q, const In& k, const In& v,
                                      const AttentionOptions& options = {});

class MultiHeadAttention {
 public:
  struct Options {
    Index dim = 0, heads = 1;
    bool bias = true;
    double dropout = 0;  // of the weights, in training
    DType dtype = f32;
  };
  struct CallOptions {
    bool causal = false;
    Tensor mask = {};      // broadcasts to [B, heads, T, S]
    Var bias = {};         // added to the logits; broadcasts to [B, heads, T, S]
    bool weights = false;  // return the weights, [B, heads, T, S]
  };
  // The keys and values of a batch of sequences, projected once for any number of queries.
  struct Memory {
    Memory(Var k, Var v, SequenceLayout l)  // made by prepare()
        : keys(std::move(k)), values(std::move(v)), layout(std::move(l)) {}
    Var keys, values;  // [N, D]
    SequenceLayout layout;
  };
  // Projections start by Xavier's rule (Glorot and Bengio 2010) and biases 0, as PyTorch's.
  explicit MultiHeadAttention(const Options& options);

  // query [B, T, D], key and value [B, S, D]. With neither mask, bias nor weights it is one fused
  // op whose memory grows as T; otherwise as T S.
  Attended operator()(const In& query, const In& key, const In& value,
                      const CallOptions& options) const;
  Attended operator()(const In& query, const In& key, const In& value) const {
    return (*this)(query, key, value, {});
  }
  // Each sequence attends to itself; nothing is computed for padding.
  Sequence operator()(const Gathered& x, const CallOptions& options = defaults(),
                      Where where = Where::here()) const;

  Memory prepare(const Gathered& keys, Where where = Where::here()) const;
  // Each sequence of queries, of any length, attends to the sequence of the memory with its number.
  Sequence operator()(const Gathered& queries, const Memory& memory,
                      const CallOptions& options = defaults(),
                      Where where = Where::here()) const;
  // One query for each sequence, [B, D] -> [B, D].
  Var operator()(const In& query, const Memory& memory) const;

  Linear query_key_value, out;  // [D, 3 D], [D, D]
  UNROLL_FIELDS(query_key_value, out)

 private:
  static CallOptions defaults();
  double dropping() const { return training() ? dropout_ : 0; }
  // Columns of query_key_value: 0 queries, 1 keys, 2 values.
  Var project(const In& x, Index part, Index parts = 1) const;
  Var heads_of(const Var& x) const;  // [B, T, D] -> [B, heads, T, D / heads]
  Var joined(const Var& x) const;    // and back
  void check_rows(const Gathered& x) const;

  Index heads_;
  double dropout_;
};

// weights = softmax_s(v . tanh(q wq + k wk)); out = sum_s weights_s value_s. Bahdanau et al. 2015.
class AdditiveAttention {
 public:
  struct Options {
    Index query = 0, key = 0, hidden = 0;
    DType dtype = f32;
  };
  // The keys of a batch of sequences, projected once for any number of queries.
  struct Memory {
    Sequence values;  // rows [N, key]
    Var keys;         // [N, hidden]
  };
  explicit AdditiveAttention(const Options& options);
  Memory prepare(const Gathered& keys, Where where = Where::here()) const;
  // One query for each sequence, [B, query], over that sequence's rows: out [B, key]; weights one
  // for each row, [N].
  Attended operator()(const In& query, const Memory& memory) const;
  Attended operator()(const In& query, const Gathered& keys) const {
    return (*this)(query, prepare(keys));
  }

  Linear wq, wk;  // [query, hidden], [key, hidden]
  Param v;        // [hidden, 1]
  UNROLL_FIELDS(wq, wk, v)
};

// Softmax of logits [N] within each sequence of a batch.
Var softmax_by_sequence(const In& logits, const SequenceLayout& layout);

}  // namespace unroll::nn
