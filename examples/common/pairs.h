// Pairs of texts, for programs that turn one text into another.
#pragma once

#include <unroll/data/table/csv.h>
#include <unroll/data/text/units.h>
#include <unroll/tensor/types.h>

#include <functional>
#include <string>
#include <vector>

namespace program {

using unroll::Index;

// Source and target texts: the names of their columns, and how they are divided into units.
struct Texts {
  std::string source, target;
  unroll::data::TextOptions source_text = {}, target_text = {};
  // Names of the units in pictures, such as "letters".
  std::string source_units = {}, target_units = {};
  // Pairs with the same target (otherwise: with the same source) are in the same part.
  bool split_by_target = false;
  // Throws if a pair cannot be meant, such as one of swapped columns. Empty: any pair can.
  std::function<void(const std::string& source, const std::string& target, const std::string& path,
                     int line)>
      check = {};
};
// The longest text of a pair, in bytes: attention over more would take hours.
inline constexpr std::size_t kMaxText = 1000;

struct Pairs {
  unroll::data::Table table;
  std::vector<std::string> sources, targets;
  // The parts, as row numbers. The part of a pair depends on its text only, not on file or seed. So
  // a saved model is never tested on its training data.
  std::vector<Index> train, validation, test;
};
// Reads a file with both columns (read_table): 80 % of the texts train, 10 % validate and 10 %
// test. Throws std::runtime_error with file and line if a cell is empty or longer than kMaxText,
// or if the check of `texts` throws.
Pairs read_pairs(const std::string& path, const Texts& texts);

// The texts with these indices.
std::vector<std::string> picked(const std::vector<std::string>& texts,
                                const std::vector<Index>& which);

// The minimal number of insertions, deletions and substitutions that turn one list into the other.
// Levenshtein 1966.
Index edit_distance(const std::vector<std::string>& a, const std::vector<std::string>& b);

}  // namespace program
