// Student's t distribution and mixtures of it: log returns have heavier tails than the normal
// distribution.
#pragma once

#include <vector>

namespace stock {

// Location, logarithm of the variance, degrees of freedom nu > 2. For nu to infinity it
// becomes normal.
struct StudentT {
  double mean = 0, log_variance = 0, nu = 1e6;
  double log_density(double x) const;
  double cdf(double x) const;
};

struct Mixture {
  struct Part {
    double weight = 1;  // they sum to 1
    StudentT t;
  };
  std::vector<Part> parts;

  double log_density(double x) const;
  double cdf(double x) const;
  double quantile(double p) const;  // p in (0, 1)
  double mean() const;
  double variance() const;
};

}  // namespace stock
