// Sentences of a small grammar in which only the order of the words tells who acts:
//
//   the dog followed the man .                          the dog acts
//   the man was followed by the dog .                   the dog acts
//   the man that the old cat saw followed the dog .     the man acts
//
// Nouns are drawn without replacement, verbs and adjectives with it, all with equal probability. So
// all nouns of a bag of words are equally likely to be the one that acts: a model that does not see
// the order is right with probability 1 / n at most, where n is the number of nouns.
#pragma once

#include "examples/lab/common/network.h"

namespace lab {

struct SentenceOptions {
  Index fewest_clauses = 0, most_clauses = 1;  // subordinate ones, "that ..."
  Index adjectives = 1;                        // at most so many before a noun
};

struct Sentence {
  std::vector<Index> words;  // ids
  Index agent = 0;           // the noun that acts in the main clause: its id, below kNouns
  Index nouns = 0;           // in the sentence: 2, and one for each subordinate clause
};

inline constexpr Index kNouns = 12;                // their ids come first
const std::vector<std::string>& sentence_words();  // by id

Sentence sentence(const SentenceOptions& options, unroll::Generator& random);
std::string text_of(const Sentence& sentence);

// A batch of sentences: the noun that acts is asked for at the last word.
Batch who_acts(Index sequences, const SentenceOptions& options, unroll::Generator& random);
// Texts of any kind, each with a class that is asked for at the last id.
Batch classified(const std::vector<std::vector<Index>>& texts, const std::vector<Index>& classes);

}  // namespace lab
