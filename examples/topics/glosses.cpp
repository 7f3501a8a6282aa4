#include "examples/topics/glosses.h"

#include "examples/common/table_file.h"

#include <unroll/tensor/error.h>

#include <algorithm>

namespace topics {

Glosses read_glosses(const std::string& path) {
  const unroll::data::Table table = program::read_table(path, {"class", "gloss"});
  Glosses out;
  out.texts = table.strings("gloss");
  out.classes = table.strings("class");
  const std::vector<std::string>& names = table.names();
  if (std::find(names.begin(), names.end(), "word") != names.end())
    out.words = table.strings("word");
  else
    out.words.resize(out.texts.size());
  return out;
}

unroll::data::Vocabulary classes_of(const Glosses& glosses) {
  unroll::data::Counts counts;
  for (const std::string& c : glosses.classes) counts.add_unit(c);
  return unroll::data::Vocabulary(counts, {.special = {.unk = ""}});
}

std::vector<Index> labels_of(const Glosses& glosses, const unroll::data::Vocabulary& classes,
                             const std::string& path) {
  std::vector<Index> out;
  for (const std::string& c : glosses.classes) {
    out.push_back(classes.id(c));
    unroll::check_io(out.back() >= 0,
                     "{}: one of the {} classes that the model knows was required: got \"{}\"",
                     path, classes.size(), unroll::excerpt(c));
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
  }
  return out;
}

}  // namespace topics
