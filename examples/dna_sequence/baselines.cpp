#include "examples/dna_sequence/baselines.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace dna {
namespace {

std::vector<Index> learned_from(const unroll::data::Split& split) {
  std::vector<Index> out = split.train;
  out.insert(out.end(), split.validation.begin(), split.validation.end());
  return out;
}

Index place_of_largest(const std::vector<double>& x) {
  return std::max_element(x.begin(), x.end()) - x.begin();
}

}  // namespace

std::vector<Index> majority(const Examples& e, const unroll::data::Split& split) {
  std::vector<double> counts(e.classes.size(), 0);
  for (const Index i : learned_from(split)) ++counts[e.labels[i]];
  return std::vector<Index>(split.test.size(), place_of_largest(counts));
}

std::vector<Index> naive_bayes(const Examples& e, const unroll::data::Split& split) {
  using Counts = std::array<double, unroll::data::kBases>;
  const std::size_t classes = e.classes.size(), length = e.sequences[0].size();
  Counts ones;
  ones.fill(1);
  std::vector<std::vector<Counts>> seen(classes, std::vector<Counts>(length, ones));
  std::vector<double> members(classes, 0);
  for (const Index i : learned_from(split)) {
    ++members[e.labels[i]];
    for (std::size_t p = 0; p < length; ++p) ++seen[e.labels[i]][p][e.sequences[i][p]];
  }
  std::vector<Index> answers;
  for (const Index i : split.test) {
    std::vector<double> log_probability;
    for (std::size_t c = 0; c < classes; ++c) {
      double sum = std::log(members[c] + 1);
      for (std::size_t p = 0; p < length; ++p)
        sum += std::log(seen[c][p][e.sequences[i][p]] / (members[c] + unroll::data::kBases));
      log_probability.push_back(sum);
    }
    answers.push_back(place_of_largest(log_probability));
  }
  return answers;
}

}  // namespace dna
