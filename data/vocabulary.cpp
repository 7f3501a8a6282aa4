#include <unroll/data/vocabulary.h>
#include <unroll/tensor/error.h>

#include <algorithm>

namespace unroll::data {
namespace {

template <class F>
void for_each_unit(std::string_view text, Unit unit, F&& f) {
  if (unit == Unit::bytes) {
    for (std::size_t i = 0; i < text.size(); ++i) f(text.substr(i, 1));
    return;
  }
  constexpr std::string_view kSpace = " \t\r\n\f\v";
  for (std::size_t at = text.find_first_not_of(kSpace); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(kSpace, at), text.size());
    f(text.substr(at, end - at));
    at = text.find_first_not_of(kSpace, end);
  }
}

}  // namespace

Vocabulary::Vocabulary(std::string_view text, Unit unit, Index least, Index most) : unit_(unit) {
  check(
      least >= 1 && most >= 0,
      "vocabulary: a least count of at least 1 and a size of at least 0 were required: got {} and "
      "{}",
      least, most);
  std::map<std::string, Index> counts;
  for_each_unit(text, unit, [&](std::string_view u) { ++counts[std::string(u)]; });
  std::vector<std::pair<std::string, Index>> order(counts.begin(), counts.end());
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  units_.push_back("<unknown>");
  for (const auto& [name, count] : order) {
    if (count < least || (most > 0 && size() >= most)) break;
    ids_.emplace(name, size());
    units_.push_back(name);
  }
}

std::vector<Index> Vocabulary::encode(std::string_view text) const {
  std::vector<Index> out;
  for_each_unit(text, unit_, [&](std::string_view u) {
    const auto found = ids_.find(u);
    out.push_back(found == ids_.end() ? 0 : found->second);
  });
  return out;
}

std::string Vocabulary::decode(const std::vector<Index>& ids) const {
  std::string out;
  for (Index id : ids) {
    if (unit_ == Unit::words && !out.empty()) out += ' ';
    out += unit(id);
  }
  return out;
}

const std::string& Vocabulary::unit(Index id) const {
  check(id >= 0 && id < size(), "vocabulary: an id in [0, {}) was required: got {}", size(), id);
  return units_[static_cast<std::size_t>(id)];
}

}  // namespace unroll::data
