// From log-likelihoods by counting to probabilities.
//
// C classes.
#pragma once

#include "examples/dna_sequence/examples.h"

namespace dna {

// Log-likelihoods to probabilities: softmax(sharpness * log-likelihood + log P(class)). The
// products of naive Bayes are far too sure of themselves; `sharpness` below 1 says by how much.
struct Calibration {
  double sharpness = 1;
  std::vector<double> log_prior;  // [C]
  double log_loss = 0;            // the mean, with this sharpness
  std::vector<double> probabilities(const std::vector<double>& log_likelihoods) const;
};
// The sharpness with the least log loss on these examples, one row of log-likelihoods for each.
Calibration calibrate(const std::vector<std::vector<double>>& log_likelihoods,
                      const std::vector<Index>& labels, std::vector<double> log_prior);
std::vector<double> log_prior(const Examples& e, const std::vector<Index>& which);
}  // namespace dna
