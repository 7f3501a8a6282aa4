#include "examples/lab/common/verses.h"

#include "examples/common/options.h"
#include "examples/common/table_file.h"
#include "examples/lab/common/sentences.h"

#include <unroll/data/text/vocabulary.h>
#include <unroll/tensor/error.h>

#include <array>

namespace lab {
namespace {

constexpr std::size_t kOneOf = 5;  // verses is held out

template <class T>
const T& drawn(const std::vector<T>& from, unroll::Generator& random) {
  return from[static_cast<std::size_t>(random.below(std::ssize(from)))];
}

}  // namespace

Verses::Verses(Index ids) : ids_(ids) {
  const unroll::data::Table table =
      program::read_table(program::sample("kjv_verses.tsv.gz"), {"book", "text"});
  const std::vector<std::string> books = table.strings("book"), texts = table.strings("text");
  const unroll::data::TextOptions how{.punctuation = unroll::data::Punctuation::dropped,
                                      .fold_case = true};
  std::string training;
  for (std::size_t i = 0; i < texts.size(); ++i)
    if (i % kOneOf != 0) training += texts[i] + "\n";
  const unroll::data::Vocabulary words(training, how, {.max_size = ids});
  bool is_new = false;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    is_new = is_new || books[i] == "Matthew";
    all_.push_back({words.encode(texts[i]), is_new, i % kOneOf == 0});
  }
}

Verses::Chosen Verses::chosen(const VerseOptions& options) const {
  Chosen out;
  for (const Verse& verse : all_)
    if (verse.held_out == options.held_out && std::ssize(verse.words) >= options.fewest &&
        std::ssize(verse.words) <= options.most)
      out.push_back(&verse);
  unroll::check(!out.empty(), "verses: a verse of {} to {} words was required: got none",
                options.fewest, options.most);
  return out;
}

Index Verses::count(const VerseOptions& options) const { return std::ssize(chosen(options)); }

Task Verses::as_written(Index verses, const VerseOptions& options) const {
  return [verses, from = chosen(options)](unroll::Generator& random) {
    std::vector<std::vector<Index>> texts;
    std::vector<Index> classes;
    for (Index v = 0; v < verses; ++v) {
      const std::vector<Index>& words = drawn(from, random)->words;
      std::vector<Index> shuffled;
      for (const Index k : random.permutation(std::ssize(words)))
        shuffled.push_back(words[static_cast<std::size_t>(k)]);
      texts.insert(texts.end(), {words, shuffled});
      classes.insert(classes.end(), {1, 0});
    }
    return classified(texts, classes);
  };
}

Task Verses::testaments(Index verses, const VerseOptions& options) const {
  std::array<Chosen, 2> from;
  for (const Verse* verse : chosen(options)) from[verse->is_new ? 1 : 0].push_back(verse);
  return [verses, from](unroll::Generator& random) {
    std::vector<std::vector<Index>> texts;
    std::vector<Index> classes;
    for (Index v = 0; v < verses; ++v) {
      classes.push_back(random.below(2));
      texts.push_back(drawn(from[static_cast<std::size_t>(classes.back())], random)->words);
    }
    return classified(texts, classes);
  };
}

}  // namespace lab
