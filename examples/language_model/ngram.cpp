#include "examples/language_model/ngram.h"

#include <unroll/tensor/error.h>

#include <cmath>

namespace language_model {

NGram::NGram(const std::vector<Index>& ids, Index vocab, Index order)
    : vocab_(vocab), order_(order), nodes_(1) {
  unroll::check(vocab >= 1 && order >= 1,
                "n-grams: a vocabulary and an order of at least 1 were required: got {} and {}",
                vocab, order);
  // at[k]: the node of the last k ids.
  std::vector<Index> at{0};
  for (Index id : ids) {
    std::vector<Index> next{0};
    for (Index node : at) {
      const Index child =
          children_.add({static_cast<std::int32_t>(node), static_cast<std::int32_t>(id)}) + 1;
      if (child == static_cast<Index>(nodes_.size())) {
        nodes_.emplace_back();
        ++nodes_[static_cast<std::size_t>(node)].distinct;
      }
      ++nodes_[static_cast<std::size_t>(child)].count;
      ++nodes_[static_cast<std::size_t>(node)].followers;
      if (static_cast<Index>(next.size()) < order_) next.push_back(child);
    }
    at.swap(next);
  }
}

Index NGram::child(Index node, Index id) const {
  return children_.find({static_cast<std::int32_t>(node), static_cast<std::int32_t>(id)}) + 1;
}

std::vector<double> NGram::nats(const std::vector<Index>& ids, Index from) const {
  std::vector<double> out;
  std::vector<Index> at{0};
  for (Index i = 0; i < static_cast<Index>(ids.size()); ++i) {
    const Index id = ids[static_cast<std::size_t>(i)];
    double p = 1 / static_cast<double>(vocab_);
    std::vector<Index> next{0};
    for (Index node : at) {  // shortest context first
      const Node& context = nodes_[static_cast<std::size_t>(node)];
      if (context.followers == 0) break;
      const Index found = child(node, id);
      const auto distinct = static_cast<double>(context.distinct);
      const double count =
          found > 0 ? static_cast<double>(nodes_[static_cast<std::size_t>(found)].count) : 0;
      p = (count + distinct * p) / (static_cast<double>(context.followers) + distinct);
      // A longer context that does not occur in the training text is not used.
      if (found > 0 && static_cast<Index>(next.size()) < order_) next.push_back(found);
    }
    if (i >= from) out.push_back(-std::log(p));
    at.swap(next);
  }
  return out;
}

}  // namespace language_model
