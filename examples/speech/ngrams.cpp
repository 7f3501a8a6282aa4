#include "examples/speech/ngrams.h"

#include <unroll/tensor/error.h>

#include <algorithm>
#include <cmath>

namespace speech {

NGrams::NGrams(const std::vector<Counted>& labels, Index order, Index symbols)
    : order_(order), symbols_(symbols) {
  unroll::check(order >= 1 && symbols >= 2, "n-grams: an order of at least 1 was required: got {}",
                order);
  for (const auto& [label, count] : labels) {
    std::vector<Index> all{0};
    all.insert(all.end(), label.begin(), label.end());
    all.push_back(end());
    for (Index at = 1; at < std::ssize(all); ++at)
      for (Index n = 0; n < order && n <= at; ++n) {  // letters of the history
        Followers& f = of_[{all.begin() + at - n, all.begin() + at}];
        f.counts[all[static_cast<std::size_t>(at)]] += count;
        f.all += count;
      }
  }
}

double NGrams::log_p(std::span<const Index> prefix, Index next) const {
  std::vector<Index> all{0};
  const auto kept = std::min<std::ptrdiff_t>(std::ssize(prefix), order_);
  if (kept < std::ssize(prefix)) all.clear();  // the beginning is too far back
  all.insert(all.end(), prefix.end() - kept, prefix.end());
  double p = 1.0 / static_cast<double>(symbols_);
  for (std::ptrdiff_t n = 0; n < order_ && n <= std::ssize(all); ++n) {
    const auto found = of_.find({all.end() - n, all.end()});
    if (found == of_.end()) break;
    const Followers& f = found->second;
    const auto count = f.counts.find(next);
    const auto kinds = static_cast<double>(f.counts.size());
    p = ((count == f.counts.end() ? 0 : count->second) + kinds * p) / (f.all + kinds);
  }
  return std::log(p);
}

}  // namespace speech
