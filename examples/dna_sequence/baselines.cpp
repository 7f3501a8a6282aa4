#include "examples/dna_sequence/baselines.h"

#include <algorithm>
#include <cmath>

namespace dna {
namespace {

// Calibrated by leave-one-out on its training data. The prior has full weight, or is scaled by the
// sharpness too, which changes no prediction.
enum class Prior { full, as_sharp };
template <class Counts>
Probabilities ask(const Counts& counts, const Examples& e, const unroll::data::Split& split,
                  Prior weight) {
  // Enough sequences to calibrate one parameter.
  const std::size_t some = std::clamp<std::size_t>(1000000 / e.classes.size(), 100, 5000);
  const std::vector<Index> learned = learned_from(split);
  const std::vector<double> prior = log_prior(e, learned), none(prior.size(), 0.0);
  const auto asked = [&](Index i, Index own) {
    std::vector<double> x = counts.log_likelihoods(e.sequences[static_cast<std::size_t>(i)], own);
    for (std::size_t c = 0; c < x.size() && weight == Prior::as_sharp; ++c) x[c] += prior[c];
    return x;
  };
  std::vector<std::vector<double>> found;
  std::vector<Index> labels;
  for (std::size_t i = 0; i < learned.size(); i += learned.size() / some + 1) {
    labels.push_back(e.labels[static_cast<std::size_t>(learned[i])]);
    found.push_back(asked(learned[i], labels.back()));
  }
  const Calibration calibration = calibrate(found, labels, weight == Prior::full ? prior : none);
  Probabilities out;
  for (const Index i : split.test) out.push_back(calibration.probabilities(asked(i, kNew)));
  return out;
}

}  // namespace

std::vector<Index> learned_from(const unroll::data::Split& split) {
  std::vector<Index> out = split.train;
  out.insert(out.end(), split.validation.begin(), split.validation.end());
  std::sort(out.begin(), out.end());
  return out;
}

Probabilities majority(const Examples& e, const unroll::data::Split& split) {
  std::vector<double> shares = log_prior(e, learned_from(split));
  for (double& x : shares) x = std::exp(x);
  return Probabilities(split.test.size(), shares);
}

Probabilities naive_bayes(const Examples& e, const unroll::data::Split& split) {
  Positions positions(static_cast<Index>(e.classes.size()), e.longest());
  positions.learn(e, learned_from(split));
  return ask(positions, e, split, Prior::as_sharp);
}

Probabilities words(const Examples& e, const unroll::data::Split& split, bool chain,
                    bool both_strands, Index& chosen) {
  const Kmers kmers = best_kmers(e, learned_from(split), chain, both_strands);
  chosen = kmers.options().k;
  return ask(kmers, e, split, Prior::full);
}

}  // namespace dna
