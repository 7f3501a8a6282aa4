// Counted words and positions, and leaving one out.
#include "examples/dna_sequence/counts.h"

#include "tests/support.h"

#include <cmath>
#include <map>

using namespace dna;
using unroll::Generator;

namespace {

Bases random_bases(Generator& g, Index length, Index letters = 5) {
  Bases out;
  for (Index i = 0; i < length; ++i) out.push_back(static_cast<std::uint8_t>(g.below(letters)));
  return out;
}

Examples random_examples(Generator& g, Index classes, Index count, Index least, Index most) {
  Examples e;
  for (Index c = 0; c < classes; ++c) e.classes.push_back(std::to_string(c));
  for (Index i = 0; i < count; ++i) {
    e.sequences.push_back(random_bases(g, least + g.below(most - least + 1)));
    e.labels.push_back(g.below(classes));
  }
  return e;
}

std::vector<Index> all_but(const Examples& e, Index left_out) {
  std::vector<Index> out;
  for (Index i = 0; i < e.size(); ++i)
    if (i != left_out) out.push_back(i);
  return out;
}

// By strings and maps.
double plain_log_likelihood(const Examples& e, const std::vector<Index>& which, const Bases& s,
                            Index c, const Kmers::Options& o) {
  std::map<std::string, double> words;
  double total = 0;
  const auto each = [&](const Bases& bases, const auto& f) {
    for (std::size_t i = 0; i + static_cast<std::size_t>(o.k) <= bases.size(); ++i) {
      std::string word;
      for (std::size_t j = i; j < i + static_cast<std::size_t>(o.k); ++j) word += "ACGTN"[bases[j]];
      if (word.find('N') == std::string::npos) f(word);
    }
  };
  for (const Index i : which) {
    if (e.labels[static_cast<std::size_t>(i)] != c) continue;
    const Bases& bases = e.sequences[static_cast<std::size_t>(i)];
    each(bases, [&](const std::string& word) { ++words[word], ++total; });
    if (o.both_strands)
      each(other_strand(bases), [&](const std::string& word) { ++words[word], ++total; });
  }
  double sum = 0;
  each(s, [&](const std::string& word) {
    double whole = total + o.prior * std::pow(4, static_cast<double>(o.k));
    if (o.chain) {
      whole = 4 * o.prior;
      for (const char last : {'A', 'C', 'G', 'T'})
        whole += words[word.substr(0, word.size() - 1) + last];
    }
    sum += std::log((words[word] + o.prior) / whole);
  });
  return sum;
}

}  // namespace

TEST_CASE("k-mers are counted like strings, without N, on one strand or both") {
  Generator g(1);
  for (int round = 0; round < 60; ++round) {
    const Examples e = random_examples(g, 3, 8, 0, 30);
    const Kmers::Options o{1 + g.below(4), g.below(2) == 1, g.below(2) ? 1.0 : 0.1,
                           g.below(2) == 1};
    Kmers kmers(3, o);
    kmers.learn(e, all_but(e, -1));
    const Bases s = random_bases(g, 20);
    const auto found = kmers.log_likelihoods(s, kNew);
    for (Index c = 0; c < 3; ++c)
      CHECK(found[static_cast<std::size_t>(c)] ==
            doctest::Approx(plain_log_likelihood(e, all_but(e, -1), s, c, o)).epsilon(1e-5));
    // Through a file and back.
    CHECK(Kmers(kmers.counts(), o).log_likelihoods(s, kNew) == found);
  }
}

TEST_CASE("removing a sequence from the counts equals never having counted it") {
  Generator g(2);
  for (int round = 0; round < 40; ++round) {
    const bool one_length = round % 2 == 0;
    const Examples e = random_examples(g, 3, 10, 15, one_length ? 15 : 40);
    const Index left_out = g.below(e.size());
    const Bases& s = e.sequences[static_cast<std::size_t>(left_out)];
    const Index own = e.labels[static_cast<std::size_t>(left_out)];
    const Kmers::Options o{1 + g.below(5), g.below(2) == 1, 1, g.below(2) == 1};
    const auto check_equal = [&](auto all, auto others) {
      all.learn(e, all_but(e, -1));
      others.learn(e, all_but(e, left_out));
      const auto a = all.log_likelihoods(s, own), b = others.log_likelihoods(s, kNew);
      for (std::size_t c = 0; c < 3; ++c) CHECK(a[c] == doctest::Approx(b[c]).epsilon(1e-5));
    };
    check_equal(Kmers(3, o), Kmers(3, o));
    if (one_length) check_equal(Positions(3, 15), Positions(3, 15));
  }
}

TEST_CASE("the sharpness has the minimal loss") {
  Generator g(3);
  std::vector<std::vector<double>> found;
  std::vector<Index> labels;
  for (int i = 0; i < 200; ++i) {
    labels.push_back(g.below(3));
    found.emplace_back();
    for (Index c = 0; c < 3; ++c)
      found.back().push_back(30 * g.uniform() + (c == labels.back() ? 10 : 0));
  }
  const std::vector<double> prior(3, std::log(1.0 / 3));
  const Calibration best = calibrate(found, labels, prior);
  const auto loss = [&](double sharpness) {
    Calibration c = best;
    c.sharpness = sharpness;
    double sum = 0;
    for (std::size_t i = 0; i < labels.size(); ++i)
      sum -= std::log(c.probabilities(found[i])[static_cast<std::size_t>(labels[i])]);
    return sum / static_cast<double>(labels.size());
  };
  CHECK(best.log_loss == doctest::Approx(loss(best.sharpness)));
  for (const double factor : {0.5, 0.9, 1.1, 2.0})
    CHECK(loss(best.sharpness * factor) > best.log_loss);
}

TEST_CASE("the k-mer length is chosen by how well it separates the classes") {
  // Class 1 has the same words of 2 bases as class 0, in another order of 4.
  Generator g(4);
  Examples e;
  e.classes = {"0", "1"};
  for (int i = 0; i < 120; ++i) {
    const Index label = i % 2;
    Bases s;
    for (int word = 0; word < 15; ++word) {
      const bool which = g.below(2) == 1;
      for (const int b :
           label == 0 ? (which ? std::vector<int>{0, 0, 1, 1} : std::vector<int>{2, 2, 3, 3})
                      : (which ? std::vector<int>{0, 0, 3, 3} : std::vector<int>{2, 2, 1, 1}))
        s.push_back(static_cast<std::uint8_t>(b));
    }
    e.sequences.push_back(s);
    e.labels.push_back(label);
  }
  CHECK(best_kmers(e, all_but(e, -1), false, false).options().k >= 2);
  CHECK(best_kmers(e, all_but(e, -1), true, false).options().k >= 2);
}

TEST_CASE(
    "the reverse complement of the reverse complement is the sequence, and the two hashes differ") {
  Generator g(5);
  std::map<double, Bases> seen;
  for (int i = 0; i < 5000; ++i) {
    const Bases s = random_bases(g, 1 + g.below(12));
    CHECK(other_strand(other_strand(s)) == s);
    const auto [at, fresh] = seen.emplace(hash_of(s), s);
    CHECK(at->second == s);
    CHECK(hash_of(s) == std::floor(hash_of(s)));
    CHECK(hash_of(s) < 4503599627370496.0);
  }
}
