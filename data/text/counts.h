// A frequency dictionary: how often each unit occurs in a text.
#pragma once

#include <unroll/data/text/string_index.h>
#include <unroll/data/text/units.h>

namespace unroll::data {

class Counts {
 public:
  struct Entry {
    std::string unit;
    Index count;
  };

  explicit Counts(const TextOptions& how = {}) : how_(how) {}
  explicit Counts(std::string_view text, const TextOptions& how = {}) : how_(how) { add(text); }

  // Counts every unit of a text. Counts nothing if it throws (see InvalidUtf8).
  void add(std::string_view text);
  // Adds `times` to the count of a unit, such as an n-gram. Throws unless times >= 0.
  void add_unit(std::string_view unit, Index times = 1);

  Index distinct() const { return units_.size(); }
  Index total() const { return total_; }
  Index count(std::string_view unit) const;  // 0 if it does not occur
  // The most frequent first; equal counts by the units' bytes. At most `max` of them, if above 0.
  std::vector<Entry> most_common(Index max = 0) const;
  const TextOptions& how() const { return how_; }

 private:
  TextOptions how_;
  StringIndex units_;
  std::vector<Index> counts_;  // by the unit's number
  Index total_ = 0;
};

}  // namespace unroll::data
