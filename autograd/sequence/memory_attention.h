// Attention of a decoder to a memory (the encoded sources), as one fused op that also returns the
// attention weights. It computes one target step, or all of them at once.
//
// R query rows, M memory rows; H the size of queries and keys, D that of the values.
#pragma once

#include <unroll/autograd/sequence/attention.h>

namespace unroll {

struct MemoryRows {
  RowGroups queries, keys;  // the queries of a group attend to the keys of the same group

  // [R + 1] the offset of each query row's weights; the last is their number.
  std::vector<Index> weights_at() const;
};

struct MemoryAttended {
  Var out;      // [R, D]
  Var weights;  // for each query row, in order, one weight for each key of its group
};

// weights = softmax(logits), out = sum of weights times values, for q [R, H], k [M, H] and
// values [M, D]. With v [H] the logits are v . tanh(q + k) (additive; Bahdanau et al. 2015), with v
// undefined q . k (Luong et al. 2015). For T queries and S keys, time and memory are O(T S); for
// long sequences `attention` (attention.h) needs less memory. Throws std::invalid_argument if
// shapes, dtypes or row groups do not match, or if a query has no key.
MemoryAttended memory_attention(const In& q, const In& k, const In& values, const In& v,
                                const MemoryRows& rows);

}  // namespace unroll
