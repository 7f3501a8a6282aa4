// Interpolated n-grams: the log-likelihood of a text in each language.
//
// p_k(c | the k - 1 characters before) = (n(k characters) + b p_(k-1)) / (n(k - 1 characters) + b)
//
// with the counts n of a language, b = 2, and p_0 uniform. L languages.
#pragma once

#include "examples/languages/paragraphs.h"

#include <array>

namespace languages {

inline constexpr int kOrders = 5;  // k = 1 .. kOrders

class NGrams {
 public:
  NGrams(Index characters, Index languages) : characters_(characters), languages_(languages) {}
  void add(const Encoded& paragraphs);

  Index languages() const { return languages_; }
  // log p_k of a text for each language, k = 1 .. kOrders. [kOrders][L]
  std::vector<std::vector<double>> log_p(const Ids& text) const;
  // Naive Bayes on pairs of adjacent characters: the sum of log((n(pair) + 0.1) / (n + 0.1 P)) for
  // n characters of a language and P distinct pairs in all. [L]
  std::vector<double> naive_bayes(const Ids& text) const;

 private:
  using Counts = std::vector<double>;  // by language
  // The counts of an n-gram, or nullptr if it never occurred.
  const Counts* find(const Ids& text, std::size_t end, int order) const;
  double total(Index language) const { return totals_[static_cast<std::size_t>(language)]; }

  Index characters_, languages_;
  std::array<unroll::data::StringIndex, kOrders + 1> ngrams_;  // by order
  std::array<std::vector<Counts>, kOrders + 1> counts_;
  Counts totals_ = Counts(static_cast<std::size_t>(languages_));  // of characters
};

}  // namespace languages
