#include "examples/dna_sequence/calibration.h"

#include <algorithm>
#include <cmath>

namespace dna {
namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

}  // namespace

std::vector<double> Calibration::probabilities(const std::vector<double>& log_likelihoods) const {
  std::vector<double> out;
  for (std::size_t c = 0; c < log_prior.size(); ++c)
    out.push_back(sharpness * log_likelihoods[c] + log_prior[c]);
  const double most = *std::max_element(out.begin(), out.end());
  double sum = 0;
  for (double& x : out) sum += x = std::exp(x - most);
  for (double& x : out) x /= sum;
  return out;
}

Calibration calibrate(const std::vector<std::vector<double>>& log_likelihoods,
                      const std::vector<Index>& labels, std::vector<double> log_prior) {
  Calibration out;
  out.log_prior = std::move(log_prior);
  const auto loss = [&](double log_sharpness) {
    out.sharpness = std::exp(log_sharpness);
    double sum = 0;
    for (std::size_t i = 0; i < labels.size(); ++i)
      sum -= std::log(std::max(1e-300, out.probabilities(log_likelihoods[i])[at(labels[i])]));
    return sum / static_cast<double>(labels.size());
  };
  // Golden section search: the loss is convex in the sharpness, so it has one minimum.
  constexpr double kRatio = 0.6180339887498949;
  double low = std::log(1e-4), high = std::log(2.0);
  for (int i = 0; i < 16; ++i) {
    const double a = high - kRatio * (high - low), b = low + kRatio * (high - low);
    (loss(a) < loss(b) ? high : low) = loss(a) < loss(b) ? b : a;
  }
  out.log_loss = loss((low + high) / 2);
  return out;
}

std::vector<double> log_prior(const Examples& e, const std::vector<Index>& which) {
  std::vector<double> members(e.classes.size(), 1);
  for (const Index i : which) ++members[at(e.labels[at(i)])];
  const double all = static_cast<double>(which.size() + members.size());
  for (double& m : members) m = std::log(m / all);
  return members;
}

}  // namespace dna
