// Linear attention over the rows of sequences, as one fused op (Katharopoulos et al. 2020).
//
// N rows of queries, M of keys, B sequences; H heads of size K (queries, keys) and D (values).
#pragma once

#include <unroll/autograd/sequence/attention.h>
#include <unroll/autograd/sequence/scan.h>

namespace unroll {

struct LinearAttentionRows {
  RowGroups queries, keys;
  Index heads = 1;
  bool causal = false;   // query t sees keys 0 .. t; each sequence has as many queries as keys
  bool reverse = false;  // causal: query t sees key t and those after it
  double eps = 1e-6;     // added to the denominators, above 0
};

// With the feature map phi(x) = elu(x) + 1, in place of the softmax of attention():
//   row t = (sum over the keys s that query t sees: (phi(q_t) . phi(k_s)) v_s)
//           / (eps + sum over these keys: phi(q_t) . phi(k_s))
// q [N, H K], k [M, H K], v [M, H D]; head h is block h of the columns. The queries of a sequence
// see the keys of the same sequence, and those summed in the initial state. A state [B, H, K, D
// + 1] is the sum over keys of phi(k) [v, 1]^T; undefined: zeros. ScanOutput::last is the last
// state. Time is O(T (C (K + D) + K D)) per head with chunks of C = 64 rows, memory O(T): one value
// per query and head is saved in addition to inputs and outputs, and backward needs one state per
// chunk. A query that sees no key gives zeros. Throws std::invalid_argument if shapes, dtypes or
// row groups do not match.
ScanOutput linear_attention(const In& q, const In& k, const In& v, const LinearAttentionRows& rows,
                            const Var& initial = {});

struct LinearAttentionStepOptions {
  Index heads = 1;
  double eps = 1e-6;
};
// The next step of a stream: one row per sequence, [B, H K] and [B, H D] -> [B, H D]. `state` is
// replaced; undefined: zeros. Its size does not grow. Equals the same step of a causal
// linear_attention.
Var linear_attention_step(const In& q, const In& k, const In& v, Var& state,
                          const LinearAttentionStepOptions& options = {});

}  // namespace unroll
