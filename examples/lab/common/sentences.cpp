#include "examples/lab/common/sentences.h"

#include <unroll/tensor/error.h>

namespace lab {
namespace {

constexpr Index kAdjectives = 10, kVerbs = 10;
constexpr Index kFirstAdjective = kNouns, kFirstVerb = kFirstAdjective + kAdjectives,
                kThe = kFirstVerb + kVerbs, kThat = kThe + 1, kWas = kThe + 2, kBy = kThe + 3,
                kEnd = kThe + 4;

// Writes one sentence from left to right.
class Writer {
 public:
  Writer(const SentenceOptions& options, unroll::Generator& random)
      : options_(options), random_(random), nouns_(random.permutation(kNouns)) {}

  Sentence write() {
    const Index clauses = options_.fewest_clauses +
                          random_.below(options_.most_clauses - options_.fewest_clauses + 1);
    const Index of_first = random_.below(clauses + 1);
    const bool passive = random_.below(2) == 1;
    const Index first = noun_phrase(of_first);
    verb(passive);
    const Index second = noun_phrase(clauses - of_first);
    add(kEnd);
    out_.agent = passive ? second : first;
    return std::move(out_);
  }

 private:
  void add(Index word) { out_.words.push_back(word); }

  // "followed", or "was followed by".
  void verb(bool passive) {
    if (passive) add(kWas);
    add(kFirstVerb + random_.below(kVerbs));
    if (passive) add(kBy);
  }

  // A noun with adjectives and a chain of so many clauses; returns the noun.
  Index noun_phrase(Index clauses) {
    const Index noun = nouns_[static_cast<std::size_t>(out_.nouns++)];
    add(kThe);
    for (Index k = random_.below(options_.adjectives + 1); k > 0; --k)
      add(kFirstAdjective + random_.below(kAdjectives));
    add(noun);
    if (clauses == 0) return noun;
    add(kThat);
    // Of three forms: "that the cat saw" ends the chain, since the verb would come after the rest.
    if (clauses == 1 && random_.below(3) == 0) {
      noun_phrase(0);
      verb(false);
    } else {
      verb(random_.below(2) == 1);
      noun_phrase(clauses - 1);
    }
    return noun;
  }

  SentenceOptions options_;
  unroll::Generator& random_;
  std::vector<Index> nouns_;  // in the order of their use
  Sentence out_;
};

}  // namespace

const std::vector<std::string>& sentence_words() {
  static const std::vector<std::string> words{
      "dog",    "man",    "cat",      "woman",  "horse",   "child",  "bird",  "king",
      "wolf",   "farmer", "fox",      "girl",   "old",     "young",  "small", "tall",
      "happy",  "tired",  "quiet",    "hungry", "brave",   "clever", "saw",   "liked",
      "helped", "called", "followed", "chased", "watched", "pushed", "heard", "loved",
      "the",    "that",   "was",      "by",     "."};
  return words;
}

Sentence sentence(const SentenceOptions& options, unroll::Generator& random) {
  unroll::check(0 <= options.fewest_clauses && options.fewest_clauses <= options.most_clauses &&
                    options.most_clauses <= kNouns - 2 && options.adjectives >= 0,
                "sentence: clauses in ascending order from 0 to {} were required: got {} to {}",
                kNouns - 2, options.fewest_clauses, options.most_clauses);
  return Writer(options, random).write();
}

std::string text_of(const Sentence& sentence) {
  std::string out;
  for (const Index word : sentence.words)
    out +=
        (out.empty() || word == kEnd ? "" : " ") + sentence_words()[static_cast<std::size_t>(word)];
  return out;
}

Batch who_acts(Index sequences, const SentenceOptions& options, unroll::Generator& random) {
  std::vector<std::vector<Index>> texts;
  std::vector<Index> agents;
  for (Index b = 0; b < sequences; ++b) {
    Sentence one = sentence(options, random);
    agents.push_back(one.agent);
    texts.push_back(std::move(one.words));
  }
  return classified(texts, agents);
}

Batch classified(const std::vector<std::vector<Index>>& texts, const std::vector<Index>& classes) {
  Batch out;
  out.ids = nn::Tokens::from(texts);
  out.scored = out.ids.layout.last_rows();
  out.targets = classes;
  return out;
}

}  // namespace lab
