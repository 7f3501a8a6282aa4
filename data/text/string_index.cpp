#include <unroll/data/text/string_index.h>

#include <algorithm>

namespace unroll::data {

// Where a string is, or the empty slot where it belongs. Linear probing.
std::size_t StringIndex::slot(std::string_view text) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = std::hash<std::string_view>{}(text)&mask;
  while (slots_[at] >= 0 && strings_[static_cast<std::size_t>(slots_[at])] != text)
    at = (at + 1) & mask;
  return at;
}

void StringIndex::grow() {
  slots_.assign(std::max<std::size_t>(64, slots_.size() * 2), -1);
  for (Index i = 0; i < size(); ++i) slots_[slot((*this)[i])] = i;
}

Index StringIndex::add(std::string_view text) {
  if (2 * (strings_.size() + 1) > slots_.size()) grow();
  Index& number = slots_[slot(text)];
  if (number < 0) {
    strings_.emplace_back(text);  // first, in case that it throws
    number = size() - 1;
  }
  return number;
}

Index StringIndex::find(std::string_view text) const {
  return slots_.empty() ? -1 : slots_[slot(text)];
}

std::size_t PairIndex::slot(Pair pair) const {
  const std::size_t mask = slots_.size() - 1;
  std::uint64_t hash = static_cast<std::uint64_t>(static_cast<std::uint32_t>(pair.left)) << 32 |
                       static_cast<std::uint32_t>(pair.right);
  hash *= 0x9E3779B97F4A7C15;  // 2^64 / golden ratio: mixes into the upper bits
  std::size_t at = (hash ^ hash >> 32) & mask;
  while (slots_[at] >= 0 && (*this)[slots_[at]] != pair) at = (at + 1) & mask;
  return at;
}

void PairIndex::grow() {
  slots_.assign(std::max<std::size_t>(64, slots_.size() * 2), -1);
  for (Index i = 0; i < size(); ++i) slots_[slot((*this)[i])] = i;
}

Index PairIndex::add(Pair pair) {
  if (2 * (pairs_.size() + 1) > slots_.size()) grow();
  Index& number = slots_[slot(pair)];
  if (number < 0) {
    pairs_.push_back(pair);
    number = size() - 1;
  }
  return number;
}

Index PairIndex::find(Pair pair) const { return slots_.empty() ? -1 : slots_[slot(pair)]; }

}  // namespace unroll::data
