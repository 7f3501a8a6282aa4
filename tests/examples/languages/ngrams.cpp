// What counting tells about a language.
#include "examples/languages/ngrams.h"

#include <unroll/tensor/random.h>

#include <doctest/doctest.h>

#include <cmath>

using languages::Encoded;
using languages::Ids;
using unroll::Index;

TEST_CASE(
    "n-grams give no more than probability 1 to the next character, in every language and order") {
  constexpr Index kCharacters = 6, kLanguages = 3;
  unroll::Generator g(1);
  Encoded text;
  for (int p = 0; p < 20; ++p) {
    Ids ids;
    for (Index i = 3 + g.below(20); i > 0; --i) ids.push_back(g.below(kCharacters));
    text.texts.push_back(ids);
    text.labels.push_back(g.below(kLanguages));
  }
  languages::NGrams ngrams(kCharacters, kLanguages);
  ngrams.add(text);
  for (int round = 0; round < 50; ++round) {
    Ids before;
    for (Index i = g.below(6); i > 0; --i) before.push_back(g.below(kCharacters));
    const auto start = ngrams.log_p(before);
    std::vector<std::vector<double>> sums(languages::kOrders, std::vector<double>(kLanguages));
    for (Index c = 0; c < kCharacters; ++c) {
      Ids whole = before;
      whole.push_back(c);
      const auto p = ngrams.log_p(whole);
      for (std::size_t k = 0; k < p.size(); ++k)
        for (std::size_t l = 0; l < p[k].size(); ++l) sums[k][l] += std::exp(p[k][l] - start[k][l]);
    }
    // An n-gram at the end of a paragraph is followed by nothing, so that a little is missing.
    for (std::size_t k = 0; k < sums.size(); ++k)
      for (const double sum : sums[k]) {
        CHECK(sum <= 1 + 1e-9);
        if (k == 0) CHECK(sum == doctest::Approx(1));
      }
  }
}

TEST_CASE("a text is most likely in the language that it was counted in") {
  const Encoded text{{{0, 1, 0, 1, 0, 1, 0, 1}, {0, 0, 1, 1, 0, 0, 1, 1}}, {0, 1}};
  languages::NGrams ngrams(2, 2);
  ngrams.add(text);
  for (const Index label : {0, 1}) {
    const Ids& of = text.texts[static_cast<std::size_t>(label)];
    const auto l = static_cast<std::size_t>(label);
    CHECK(ngrams.naive_bayes(of)[l] > ngrams.naive_bayes(of)[1 - l]);
    for (std::size_t k = 1; k < languages::kOrders; ++k)
      CHECK(ngrams.log_p(of)[k][l] > ngrams.log_p(of)[k][1 - l]);
  }
  CHECK(ngrams.log_p({})[0][0] == 0);
  CHECK(ngrams.naive_bayes({1})[0] == 0);
}
