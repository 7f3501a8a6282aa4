#include <unroll/data/text/vocabulary.h>
#include <unroll/tensor/error.h>

#include <algorithm>

namespace unroll::data {
namespace {

constexpr std::string_view kSpace = " \t\r\n\f\v";

template <class F>
void for_each_unit(std::string_view text, Unit unit, F&& f) {
  if (unit == Unit::bytes) {
    for (std::size_t i = 0; i < text.size(); ++i) f(text.substr(i, 1));
    return;
  }
  for (std::size_t at = text.find_first_not_of(kSpace); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(kSpace, at), text.size());
    f(text.substr(at, end - at));
    at = text.find_first_not_of(kSpace, end);
  }
}

}  // namespace

void Vocabulary::add(std::string unit) {
  ids_.emplace(unit, size());
  units_.push_back(std::move(unit));
}

Vocabulary::Vocabulary(std::string_view text, const Options& o) : kind_(o.unit) {
  check(o.min_count >= 1 && o.max_size >= 0,
        "vocabulary: a min_count of at least 1 and a max_size of at least 0 were required: got {} "
        "and {}",
        o.min_count, o.max_size);
  std::map<std::string, Index> counts;
  for_each_unit(text, kind_, [&](std::string_view u) { ++counts[std::string(u)]; });
  std::vector<std::pair<std::string, Index>> order(counts.begin(), counts.end());
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  const std::string unknown = UnitsOptions().unknown;
  add(unknown);
  for (const auto& [name, count] : order) {
    if (count < o.min_count || (o.max_size > 0 && size() >= o.max_size)) break;
    if (name != unknown) add(name);
  }
}

Vocabulary Vocabulary::from_units(std::vector<std::string> units, const UnitsOptions& o) {
  Vocabulary out;
  out.kind_ = o.unit;
  bool has_unknown = false;
  for (std::string& unit : units) {
    if (unit == o.unknown) {
      has_unknown = true, out.unknown_ = out.size();
    } else if (o.unit == Unit::bytes) {
      check(unit.size() == 1, "vocabulary: units of one byte were required: got \"{}\"",
            excerpt(unit));
    } else {
      check(!unit.empty() && unit.find_first_of(kSpace) == std::string::npos,
            "vocabulary: words without white space were required: got \"{}\"", excerpt(unit));
    }
    check(out.ids_.count(unit) == 0,
          "vocabulary: units that differ were required: got \"{}\" twice", excerpt(unit));
    out.add(std::move(unit));
  }
  check(
      has_unknown,
      "vocabulary: a unit \"{}\" for what is not listed was required among the {} units: got none "
      "(name another by the option unknown)",
      excerpt(o.unknown), units.size());
  return out;
}

std::vector<Index> Vocabulary::encode(std::string_view text) const {
  std::vector<Index> out;
  for_each_unit(text, kind_, [&](std::string_view u) {
    const auto found = ids_.find(u);
    out.push_back(found == ids_.end() ? unknown_ : found->second);
  });
  return out;
}

std::string Vocabulary::decode(const std::vector<Index>& ids) const {
  std::string out;
  for (Index id : ids) {
    if (kind_ == Unit::words && !out.empty()) out += ' ';
    out += unit(id);
  }
  return out;
}

const std::string& Vocabulary::unit(Index id) const {
  check(id >= 0 && id < size(), "vocabulary: an id in [0, {}) was required: got {}", size(), id);
  return units_[static_cast<std::size_t>(id)];
}

}  // namespace unroll::data
