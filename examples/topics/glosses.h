// Labelled texts: dictionary glosses and their class.
#pragma once

#include <unroll/data/text/vocabulary.h>

#include <string>
#include <vector>

namespace topics {

using unroll::Index;

struct Glosses {
  std::vector<std::string> texts, classes;
  std::vector<int> lines;          // in the file
  std::vector<std::string> words;  // the word that each gloss defines; "" without a column word
  Index size() const { return static_cast<Index>(texts.size()); }
  Glosses select(const std::vector<Index>& which) const;
};

// Reads a table with the columns class and gloss, and perhaps word. Throws std::runtime_error, with
// file and line, for a class or gloss that is empty.
Glosses read_glosses(const std::string& path);

// The classes, most frequent first; labels are their ids. Throws std::runtime_error, naming `path`,
// if most of them occur once: such a column holds something else.
unroll::data::Vocabulary classes_of(const Glosses& glosses, const std::string& path);
// Throws std::runtime_error, with `path` and line, if a class is not among the known ones.
std::vector<Index> labels_of(const Glosses& glosses, const unroll::data::Vocabulary& classes,
                             const std::string& path);

}  // namespace topics
