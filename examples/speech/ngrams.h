// A character n-gram language model of labels, interpolated by Witten and Bell 1991:
//
//   P(c | h) = (count(h c) + T(h) P(c | h')) / (count(h) + T(h))
//
// h: the last n - 1 letters, h': h without its first letter, T(h): how many different letters
// follow h; below the empty h, P is uniform over the V - 1 letters and the end of a label. The
// beginning of a label counts as a symbol of h.
#pragma once

#include <unroll/tensor/types.h>

#include <map>
#include <span>
#include <vector>

namespace speech {

using unroll::Index;

struct Counted {
  std::vector<Index> label;  // symbols
  double count = 1;
};

class NGrams {
 public:
  // Of labels of symbols in [1, symbols); 0, blank, stands for the beginning.
  NGrams(const std::vector<Counted>& labels, Index order, Index symbols);
  // The log probability of `next` after `prefix`; next = end() is the end.
  double log_p(std::span<const Index> prefix, Index next) const;
  Index end() const { return symbols_; }

 private:
  struct Followers {
    std::map<Index, double> counts;
    double all = 0;
  };
  Index order_, symbols_;
  std::map<std::vector<Index>, Followers> of_;  // by history
};

}  // namespace speech
