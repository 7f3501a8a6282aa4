// Paragraphs in many languages, and snippets of them.
#pragma once

#include <unroll/data/text/vocabulary.h>
#include <unroll/tensor/random.h>

#include <string>
#include <vector>

namespace languages {

using unroll::Index;
using Ids = std::vector<Index>;  // of code points

inline constexpr Index kLengths[] = {5, 10, 20, 40};  // of snippets, in code points
// How every text is divided.
inline constexpr unroll::data::TextOptions kCharacters{.unit = unroll::data::Unit::code_points,
                                                       .nfc = true};

struct Paragraphs {
  std::vector<std::string> texts, languages;
  std::vector<int> lines;  // in the file
  Index size() const { return static_cast<Index>(texts.size()); }
};
// Reads a table with the columns language and text. Throws std::runtime_error, with file and line,
// if one of them is empty.
Paragraphs read_paragraphs(const std::string& path);

// Throws std::runtime_error, naming `path`, if a language has too few paragraphs for three parts.
void check_enough(const Paragraphs& all, const std::string& path);
// Splits the paragraphs of each language, in the order of the file: 70 % training, 10 % validation,
// the last 20 % test. If `limit` is above 0, at most so many paragraphs of a language are used.
struct Parts {
  Paragraphs train, validation, test;
};
Parts split(const Paragraphs& all, Index limit);

// Paragraphs as ids, with the number of their language.
struct Encoded {
  std::vector<Ids> texts;
  std::vector<Index> labels;
};
// Throws std::runtime_error, with `path` and line, if a language is unknown; and unless a paragraph
// is as long as the shortest snippet.
Encoded encode(const Paragraphs& paragraphs, const unroll::data::Vocabulary& characters,
               const unroll::data::Vocabulary& languages, const std::string& path);

struct Snippets {
  std::vector<Ids> texts;
  std::vector<Index> labels, paragraphs;  // the language, and the paragraph it was taken from
  void add(const Encoded& from, std::size_t paragraph, Index length, unroll::Generator& random);
};
// `times` random snippets of each paragraph that is long enough.
Snippets snippets_of(const Encoded& from, Index length, Index times, unroll::Generator& random);

}  // namespace languages
