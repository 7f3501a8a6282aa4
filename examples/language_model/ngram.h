// The baseline: an interpolated n-gram model.
//
//   p_k(w | h) = (c(h w) + d(h) p_{k-1}(w | h')) / (c(h) + d(h))
//
// where h are the last k ids, h' all of them but the oldest, c counts in the training text, d(h) is
// the number of distinct ids that followed h, and p_{-1} is uniform. Witten and Bell 1991.
#pragma once

#include <unroll/data/text/string_index.h>

#include <vector>

namespace language_model {

using unroll::Index;

class NGram {
 public:
  // The order is the number of ids of the longest n-gram: the last order - 1 ids are the context.
  NGram(const std::vector<Index>& ids, Index vocab, Index order);

  // -log p of each of the ids [from, end), given those before it, in nats.
  std::vector<double> nats(const std::vector<Index>& ids, Index from) const;
  Index order() const { return order_; }

 private:
  // An n-gram is a node of a trie, whose edges are ids. Node 0 is the root (the empty n-gram); node
  // n > 0 is pair n - 1 of children_: its parent and its last id.
  Index child(Index node, Index id) const;
  struct Node {
    Index count = 0, followers = 0, distinct = 0;  // of the n-gram; of the ids after it
  };

  Index vocab_, order_;
  unroll::data::PairIndex children_;
  std::vector<Node> nodes_;
};

}  // namespace language_model
