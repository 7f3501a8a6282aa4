#include <unroll/data/text/counts.h>
#include <unroll/tensor/error.h>
#include <unroll/tensor/index_tensor.h>

#include <algorithm>

namespace unroll::data {

void Counts::add(std::string_view text) {
  for_each_unit(text, how_, [this](std::string_view unit) { add_unit(unit); });
}

void Counts::add_unit(std::string_view unit, Index times) {
  check(times >= 0, "counts: a count of at least 0 was required: got {}", times);
  if (times == 0) return;
  const auto number = static_cast<std::size_t>(units_.add(unit));
  if (number == counts_.size()) counts_.push_back(0);
  counts_[number] += times;
  total_ += times;
}

Index Counts::count(std::string_view unit) const {
  const Index number = units_.find(unit);
  return number < 0 ? 0 : counts_[static_cast<std::size_t>(number)];
}

std::vector<Counts::Entry> Counts::most_common(Index max) const {
  std::vector<Index> order = counted_indices("counts", distinct());
  std::sort(order.begin(), order.end(), [this](Index a, Index b) {
    const Index ca = counts_[static_cast<std::size_t>(a)],
                cb = counts_[static_cast<std::size_t>(b)];
    return ca != cb ? ca > cb : units_[a] < units_[b];
  });
  if (max > 0 && max < distinct()) order.resize(static_cast<std::size_t>(max));
  std::vector<Entry> out;
  out.reserve(order.size());
  for (Index i : order) out.push_back({units_[i], counts_[static_cast<std::size_t>(i)]});
  return out;
}

}  // namespace unroll::data
