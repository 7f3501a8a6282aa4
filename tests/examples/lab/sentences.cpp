// The sentences of the experiment `order`, read by a parser of their grammar.
#include "examples/lab/common/sentences.h"

#include "examples/lab/common/verses.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <sstream>

namespace {

using unroll::Index;
using Words = std::vector<std::string>;

const std::set<std::string> kNounWords{"dog",  "man",  "cat",  "woman",  "horse", "child",
                                       "bird", "king", "wolf", "farmer", "fox",   "girl"};
const std::set<std::string> kVerbWords{"saw",    "liked",   "helped", "called", "followed",
                                       "chased", "watched", "pushed", "heard",  "loved"};

// sentence    := noun_phrase verb noun_phrase "."
// noun_phrase := "the" adjective* noun ["that" (noun_phrase active | verb noun_phrase)]
// verb        := active | "was" active "by"
class Parser {
 public:
  explicit Parser(const std::string& text) {
    std::istringstream in(text.substr(0, text.size() - 1));
    for (std::string word; in >> word;) words_.push_back(word);
    CHECK(text.back() == '.');
  }
  std::string agent() {
    const std::string first = noun_phrase();
    const bool passive = verb();
    const std::string second = noun_phrase();
    CHECK(at_ == words_.size());
    return passive ? second : first;
  }
  Index nouns = 0;

 private:
  const std::string& next() {
    REQUIRE(at_ < words_.size());
    return words_[at_++];
  }
  bool skip(const std::string& word) {
    const bool found = at_ < words_.size() && words_[at_] == word;
    at_ += found ? 1 : 0;
    return found;
  }
  bool verb() {
    const bool passive = skip("was");
    CHECK(kVerbWords.count(next()) == 1);
    CHECK(skip("by") == passive);
    return passive;
  }
  std::string noun_phrase() {
    CHECK(skip("the"));
    std::string noun = next();
    while (kNounWords.count(noun) == 0) noun = next();  // adjectives before
    ++nouns;
    if (!skip("that")) return noun;
    if (words_[at_] == "the") {
      noun_phrase();
      CHECK(kVerbWords.count(next()) == 1);
    } else {
      verb();
      noun_phrase();
    }
    return noun;
  }

  Words words_;
  std::size_t at_ = 0;
};

}  // namespace

TEST_CASE("a sentence follows its grammar, and its agent is the noun that a parser finds") {
  unroll::Generator random(1);
  for (Index clauses = 0; clauses <= 6; ++clauses)
    for (int i = 0; i < 40; ++i) {
      const lab::Sentence s = lab::sentence(
          {.fewest_clauses = clauses, .most_clauses = clauses, .adjectives = i % 3}, random);
      const std::string text = lab::text_of(s);
      CAPTURE(text);
      Parser parser(text);
      CHECK(parser.agent() == lab::sentence_words()[static_cast<std::size_t>(s.agent)]);
      CHECK(parser.nouns == clauses + 2);
      CHECK(s.nouns == parser.nouns);
      std::set<Index> nouns;
      for (const Index word : s.words)
        if (word < lab::kNouns) CHECK(nouns.insert(word).second);  // each once
    }
}

TEST_CASE("the agent is as often the first noun of a sentence as the last") {
  unroll::Generator random(2);
  int first = 0, last = 0;
  for (int i = 0; i < 2000; ++i) {
    const lab::Sentence s = lab::sentence({.most_clauses = 0}, random);
    const auto noun =
        std::find_if(s.words.begin(), s.words.end(), [](Index word) { return word < lab::kNouns; });
    (*noun == s.agent ? first : last) += 1;
  }
  CHECK(std::abs(first - last) < 200);  // 4.5 standard deviations
}

TEST_CASE("more clauses than nouns, or a range that is empty, are refused") {
  unroll::Generator random(3);
  CHECK_THROWS_WITH_AS(lab::sentence({.most_clauses = 11}, random),
                       "sentence: clauses in ascending order from 0 to 10 were required: got 0 to "
                       "11",
                       std::invalid_argument);
  CHECK_THROWS_AS(lab::sentence({.fewest_clauses = 2, .most_clauses = 1}, random),
                  std::invalid_argument);
}

TEST_CASE("a verse and its shuffled form are the same bag of words, in another order") {
  const lab::Verses bible(500);
  unroll::Generator random(4);
  const lab::Batch batch = bible.as_written(50, {})(random);
  const auto words = [&](Index b) {
    std::vector<Index> out;
    const unroll::IndexTensor rows = batch.ids.layout.rows_of(b);
    for (Index k = 0; k < rows.numel(); ++k) out.push_back(batch.ids.ids[rows[k]]);
    return out;
  };
  int same = 0;
  for (Index b = 0; b < 100; b += 2) {
    std::vector<Index> written = words(b), shuffled = words(b + 1);
    same += written == shuffled;
    std::sort(written.begin(), written.end()), std::sort(shuffled.begin(), shuffled.end());
    CHECK(written == shuffled);
    CHECK(std::ssize(written) >= 6);
    CHECK(std::ssize(written) <= 15);
    CHECK(batch.targets[b] == 1);
    CHECK(batch.targets[b + 1] == 0);
  }
  CHECK(same <= 1);
}

TEST_CASE("held-out verses are a fifth, and no range of words without a verse is accepted") {
  const lab::Verses bible(500);
  const Index training = bible.count({.fewest = 1, .most = 1000}),
              held_out = bible.count({.fewest = 1, .most = 1000, .held_out = true});
  CHECK(training + held_out == 31102);
  CHECK(held_out == 6221);
  CHECK_THROWS_WITH_AS(bible.count({.fewest = 1000, .most = 2000}),
                       "verses: a verse of 1000 to 2000 words was required: got none",
                       std::invalid_argument);
}
