// Student's t distribution of forecast errors: they have heavier tails than the normal
// distribution, since a heart beat is a rare event among quiet samples.
//
//   -log p(e) = log s + c(nu) + (nu + 1) / 2 log(1 + (e / s)^2 / nu)
//   c(nu) = log(sqrt(nu pi) Gamma(nu / 2) / Gamma((nu + 1) / 2))
#pragma once

#include <vector>

namespace ecg {

// With location 0, scale s and nu degrees of freedom. For nu to infinity it becomes normal.
struct StudentT {
  double scale = 1, nu = 4;
  double nll(double error) const;  // nats, of errors in the unit of the scale
};

double log_constant(double nu);  // c(nu)

// The scale and nu in [1, 100] with the highest likelihood. The scale is at least `least`, since
// the likelihood has no maximum if most errors are exactly 0. Expectation maximisation for the
// scale (Lange, Little and Taylor 1989), golden section search for log nu.
StudentT fit_student(const std::vector<double>& errors, double least);

}  // namespace ecg
