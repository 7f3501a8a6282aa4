#include "examples/languages/paragraphs.h"

#include "examples/common/table_file.h"

#include <unroll/tensor/error.h>

#include <algorithm>
#include <map>

namespace languages {

Paragraphs read_paragraphs(const std::string& path) {
  const unroll::data::Table table = program::read_table(path, {"language", "text"});
  program::check_filled(table, {"language", "text"});
  Paragraphs out{table.strings("text"), table.strings("language"), {}};
  for (std::size_t row = 0; row < table.rows(); ++row) out.lines.push_back(table.line(row));
  return out;
}

void check_enough(const Paragraphs& all, const std::string& path) {
  constexpr std::size_t kEnough = 5;
  std::map<std::string, std::vector<int>> lines;
  for (std::size_t i = 0; i < all.texts.size(); ++i)
    lines[all.languages[i]].push_back(all.lines[i]);
  unroll::check_io(lines.size() >= 2,
                   "{}: paragraphs in at least 2 languages were required: got only \"{}\"", path,
                   unroll::excerpt(lines.empty() ? "" : lines.begin()->first));
  for (const auto& [language, of] : lines)
    unroll::check_io(of.size() >= kEnough,
                     "{}:{}: at least {} paragraphs of each language were required: got {} of "
                     "\"{}\"; add some, or remove the language",
                     path, of[0], kEnough, of.size(), unroll::excerpt(language));
}

Parts split(const Paragraphs& all, Index limit) {
  std::map<std::string, std::vector<std::size_t>> of_language;
  for (std::size_t i = 0; i < all.texts.size(); ++i) of_language[all.languages[i]].push_back(i);
  Parts out;
  for (auto& [language, paragraphs] : of_language) {
    if (limit > 0 && paragraphs.size() > static_cast<std::size_t>(limit))
      paragraphs.resize(static_cast<std::size_t>(limit));
    const std::size_t n = paragraphs.size(), tested = n - n / 5, trained = n * 7 / 10;
    for (std::size_t i = 0; i < n; ++i) {
      Paragraphs& part = i < trained ? out.train : i < tested ? out.validation : out.test;
      part.texts.push_back(all.texts[paragraphs[i]]);
      part.languages.push_back(language);
      part.lines.push_back(all.lines[paragraphs[i]]);
    }
  }
  return out;
}

Encoded encode(const Paragraphs& paragraphs, const unroll::data::Vocabulary& characters,
               const unroll::data::Vocabulary& languages, const std::string& path) {
  Encoded out;
  std::size_t longest = 0;
  for (std::size_t i = 0; i < paragraphs.texts.size(); ++i) {
    out.texts.push_back(characters.encode(paragraphs.texts[i]));
    out.labels.push_back(languages.id(paragraphs.languages[i]));
    longest = std::max(longest, out.texts.back().size());
    unroll::check_io(out.labels.back() >= 0,
                     "{}:{}: one of the {} languages that are learned was required: got \"{}\"",
                     path, paragraphs.lines[i], languages.size(),
                     unroll::excerpt(paragraphs.languages[i]));
  }
  unroll::check_io(static_cast<Index>(longest) >= kLengths[0],
                   "{}: paragraphs of at least {} characters were required to train, to validate "
                   "and to test: got none longer than {}",
                   path, kLengths[0], longest);
  return out;
}

void Snippets::add(const Encoded& from, std::size_t paragraph, Index length,
                   unroll::Generator& random) {
  const Ids& text = from.texts[paragraph];
  const Index places = static_cast<Index>(text.size()) - length + 1;
  if (places < 1) return;
  const auto first = text.begin() + random.below(places);
  texts.emplace_back(first, first + length);
  labels.push_back(from.labels[paragraph]);
  paragraphs.push_back(static_cast<Index>(paragraph));
}

Snippets snippets_of(const Encoded& from, Index length, Index times, unroll::Generator& random) {
  Snippets out;
  for (Index t = 0; t < times; ++t)
    for (std::size_t p = 0; p < from.texts.size(); ++p) out.add(from, p, length, random);
  return out;
}

}  // namespace languages
