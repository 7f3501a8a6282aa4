#include "examples/topics/glosses.h"

#include "examples/common/table_file.h"

#include <unroll/tensor/error.h>

#include <algorithm>

namespace topics {

Glosses read_glosses(const std::string& path) {
  const unroll::data::Table table = program::read_table(path, {"class", "gloss"});
  program::check_filled(table, {"class", "gloss"});
  Glosses out;
  for (std::size_t row = 0; row < table.rows(); ++row) out.lines.push_back(table.line(row));
  out.texts = table.strings("gloss");
  out.classes = table.strings("class");
  const std::vector<std::string>& names = table.names();
  if (std::find(names.begin(), names.end(), "word") != names.end())
    out.words = table.strings("word");
  else
    out.words.resize(out.texts.size());
  return out;
}

unroll::data::Vocabulary classes_of(const Glosses& glosses, const std::string& path) {
  unroll::data::Counts counts;
  for (const std::string& c : glosses.classes) counts.add_unit(c);
  unroll::data::Vocabulary out(counts, {.special = {.unk = ""}});
  constexpr Index kFew = 20;  // rows that say nothing
  unroll::check_io(glosses.size() < kFew || 2 * out.size() <= glosses.size(),
                   "{}: classes of several glosses each were required in column \"class\": got {} "
                   "different ones in {} rows; are the columns swapped?",
                   path, out.size(), glosses.size());
  return out;
}

std::vector<Index> labels_of(const Glosses& glosses, const unroll::data::Vocabulary& classes,
                             const std::string& path) {
  std::vector<Index> out;
  for (std::size_t i = 0; i < glosses.classes.size(); ++i) {
    out.push_back(classes.id(glosses.classes[i]));
    unroll::check_io(out.back() >= 0,
                     "{}:{}: one of the {} classes that the model knows was required: got \"{}\"",
                     path, glosses.lines[i], classes.size(), unroll::excerpt(glosses.classes[i]));
  }
  return out;
}

Glosses Glosses::select(const std::vector<Index>& which) const {
  Glosses out;
  for (Index i : which) {
    const auto at = static_cast<std::size_t>(i);
    out.texts.push_back(texts[at]);
    out.classes.push_back(classes[at]);
    out.words.push_back(words[at]);
    out.lines.push_back(lines[at]);
  }
  return out;
}

}  // namespace topics
