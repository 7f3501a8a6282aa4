// Attention over the rows of sequences, as one fused op.
//
// N rows of queries, M of keys; H heads of queries and G of keys and values, of size K (queries,
// keys) and D (values).
#pragma once

#include <unroll/autograd/tape.h>
#include <unroll/tensor/sequence_layout.h>

#include <span>
#include <vector>

namespace unroll {

// The rows that belong to each sequence: rows()[offsets()[s]] .. rows()[offsets()[s + 1] - 1].
// Every row of 0 .. N-1 belongs to exactly one sequence.
class RowGroups {
 public:
  RowGroups(IndexTensor rows, std::vector<Index> offsets);
  static RowGroups equal(Index count, Index length);  // blocks of consecutive rows
  static RowGroups of(const SequenceLayout& layout);
  const IndexTensor& rows() const { return rows_; }
  const std::vector<Index>& offsets() const { return offsets_; }
  Index count() const { return static_cast<Index>(offsets_.size()) - 1; }
  IndexTensor rows_of(Index s) const;

 private:
  IndexTensor rows_;
  std::vector<Index> offsets_;
};

struct AttentionRows {
  RowGroups queries, keys;
  Index heads = 1;
  bool causal = false;  // query t (of T) sees keys 0 .. t + S - T (of S)
  double scale = 0;     // of the logits q k; 0 means 1 / sqrt(K)
  double dropout = 0;   // probability, of the weights; uses the thread's default_generator()
  Index kv_heads = 0;   // G, which divides H; 0: H
  // Query t sees only keys nearer than `window` to position t + S - T: the last `window` keys up to
  // it if causal, otherwise window - 1 keys on each side of it; 0: all.
  Index window = 0;
};
// softmax(scale q k^T) v, of q [N, H K], k [M, G K], v [M, G D] -> [N, H D]. Head h of the queries
// is block h of the columns, and uses block h / (H / G) of keys and values (Ainslie et al. 2023);
// the queries of a sequence see the keys of the same sequence. With T queries and S keys, time is
// O(T S), or O(T window), and memory O(T). A query that sees no key gives zeros. Throws
// std::invalid_argument if shapes, dtypes or row groups do not match. Vaswani et al. 2017.
Var attention(const In& q, const In& k, const In& v, const AttentionRows& rows);
// The same with q, k and v side by side in one tensor [N, (H + 2 G) K] -> [N, H K].
Var self_attention(const In& qkv, const AttentionRows& rows);
// [queries, keys]: 1 where a query may see a key, otherwise 0. If `causal`, the last query sees all
// keys, without a window.
struct MaskOptions {
  bool causal = false;
  Index window = 0;  // see AttentionRows
  DType dtype = f32;
};
Tensor attention_mask(Index queries, Index keys, const MaskOptions& options);
Tensor causal_mask(Index queries, Index keys, DType dtype = f32);

// The keys of one query: rows[0 .. count), or if `rows` is null first .. first + count - 1.
struct KeyRows {
  const Index* rows = nullptr;
  Index first = 0, count = 0;
};
struct AttentionStepOptions {
  Index heads = 1;
  Index kv_heads = 0;  // 0: heads
  double scale = 0;    // of the logits; 0 means 1 / sqrt(K)
};
// One query for each row of q [B, H K], over its own rows of keys [M, G K] and values [M, G D] ->
// [B, H D]. For steps of a stream: never recorded, and nothing is copied. Throws like attention.
Tensor attention_step(const Tensor& q, const Tensor& keys, const Tensor& values,
                      std::span<const KeyRows> rows, const AttentionStepOptions& options);

}  // namespace unroll
