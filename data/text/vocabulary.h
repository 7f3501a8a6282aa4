// Conversion of text to ids and back.
#pragma once

#include <unroll/tensor/types.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace unroll::data {

enum class Unit { bytes, words };  // words: separated by white space

class Vocabulary {
 public:
  struct Options {
    Unit unit = Unit::words;
    Index min_count = 1;  // rarer units become unknown
    Index max_size = 0;   // if above 0: maximal number of ids, including the unknown id
  };
  // Every unit of the text, most frequent first (ties alphabetically). Id 0 is "<unknown>".
  Vocabulary(std::string_view text, const Options& options);

  struct UnitsOptions {
    Unit unit = Unit::words;
    std::string unknown = "<unknown>";  // the unit that stands for all units not in the list
  };
  // The vocabulary in which unit i is units[i], such as the units() of another one, so that a model
  // can be used without its training text. Throws unless the units are distinct, can occur in a
  // text (one byte each, or without white space) and contain `unknown`.
  static Vocabulary from_units(std::vector<std::string> units, const UnitsOptions& options);

  Index size() const { return static_cast<Index>(units_.size()); }  // number of ids
  Index unknown_id() const { return unknown_; }
  Unit unit_kind() const { return kind_; }
  const std::vector<std::string>& units() const { return units_; }  // by id
  const std::string& unit(Index id) const;                          // throws unless 0 <= id < size

  std::vector<Index> encode(std::string_view text) const;  // unknown units become unknown_id()
  // The text of some ids; words are joined by a space. Throws unless all ids are in [0, size).
  std::string decode(const std::vector<Index>& ids) const;

 private:
  Vocabulary() = default;
  void add(std::string unit);

  Unit kind_ = Unit::words;
  Index unknown_ = 0;
  std::vector<std::string> units_;
  std::map<std::string, Index, std::less<>> ids_;
};

}  // namespace unroll::data
