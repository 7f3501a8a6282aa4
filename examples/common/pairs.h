// Pairs of texts, for programs that turn one text into another.
#pragma once

#include <unroll/data/table/csv.h>
#include <unroll/data/text/units.h>
#include <unroll/tensor/types.h>

#include <string>
#include <vector>

namespace program {

using unroll::Index;

// The texts of a program: the names of their columns, and how they are divided into units.
struct Texts {
  std::string source, target;
  unroll::data::TextOptions source_text = {}, target_text = {};
  std::string source_units = {},
              target_units = {};  // what they are divided into, for pictures: "letters"
  // Pairs with the same target (otherwise: with the same source) are in the same part.
  bool split_by_target = false;
};

struct Pairs {
  unroll::data::Table table;
  std::vector<std::string> sources, targets;
  // The parts, as row numbers. Which part a pair is in depends on its text alone, not on file or
  // seed. So a saved model is never tested on what it was trained on.
  std::vector<Index> train, validation, test;
};
// Reads a file with both columns (read_table): 80 % of the texts train, 10 % validate and 10 %
// test. Throws std::runtime_error if a cell is empty.
Pairs read_pairs(const std::string& path, const Texts& texts);

// Some of the texts.
std::vector<std::string> picked(const std::vector<std::string>& texts,
                                const std::vector<Index>& which);

// The least number of insertions, deletions and substitutions that turn one list into the other.
// Levenshtein 1966.
Index edit_distance(const std::vector<std::string>& a, const std::vector<std::string>& b);

}  // namespace program
