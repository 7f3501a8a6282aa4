// Attention over the rows of sequences, as one fused op.
//
// N rows of queries, M of keys; H heads of size K (queries, keys) and D (values).
#pragma once

#include <unroll/autograd/tape.h>
#include <unroll/tensor/sequence_layout.h>

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
};
// softmax(scale q k^T) v, of q [N, H K], k [M, H K], v [M, H D] -> [N, H D]. Head h is block h of
// the columns; the queries of a sequence see the keys of the same sequence. With T queries and S
// keys, time is O(T S) and memory O(T). A query that sees no key gives zeros. Throws
// std::invalid_argument if shapes, dtypes or row groups do not match. Vaswani et al. 2017.
Var attention(const In& q, const In& k, const In& v, const AttentionRows& rows);
// The same with q, k and v side by side in one tensor [N, 3 H K] -> [N, H K].
Var self_attention(const In& qkv, const AttentionRows& rows);
// [queries, keys]: 1 where a query may see a key, otherwise 0. The last query sees all keys.
Tensor causal_mask(Index queries, Index keys, DType dtype = f32);

}  // namespace unroll
