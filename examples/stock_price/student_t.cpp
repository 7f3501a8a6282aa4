#include "examples/stock_price/student_t.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace stock {
namespace {

// The regularised incomplete beta function I_x(a, b), by Lentz's method for its continued fraction.
// Press et al., Numerical Recipes, 6.4.
double incomplete_beta(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) +
                                a * std::log(x) + b * std::log1p(-x));
  if (x > (a + 1) / (a + b + 2)) return 1 - incomplete_beta(b, a, 1 - x);
  constexpr double kTiny = 1e-300, kPrecision = 1e-14;
  constexpr int kSteps = 500;
  const auto nonzero = [](double v) { return std::abs(v) < kTiny ? kTiny : v; };
  double c = 1, d = 1 / nonzero(1 - (a + b) * x / (a + 1)), sum = d;
  for (int m = 1; m <= kSteps; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                 odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonzero(1 + even * d);
    c = nonzero(1 + even / c);
    sum *= d * c;
    d = 1 / nonzero(1 + odd * d);
    c = nonzero(1 + odd / c);
    sum *= d * c;
    if (std::abs(d * c - 1) < kPrecision) break;
  }
  return front * sum / a;
}

constexpr double kNormal = 1e4;  // degrees of freedom from which it is computed as normal

}  // namespace

double StudentT::log_density(double x) const {
  const double z2 = (x - mean) * (x - mean) * std::exp(-log_variance);
  if (nu >= kNormal) return -0.5 * (std::log(2 * std::numbers::pi) + log_variance + z2);
  return std::lgamma(0.5 * (nu + 1)) - std::lgamma(0.5 * nu) -
         0.5 * (std::log((nu - 2) * std::numbers::pi) + log_variance) -
         0.5 * (nu + 1) * std::log1p(z2 / (nu - 2));
}

double StudentT::cdf(double x) const {
  const double z = (x - mean) * std::exp(-0.5 * log_variance);
  if (nu >= kNormal) return 0.5 * std::erfc(-z / std::numbers::sqrt2);
  const double t2 = z * z * nu / (nu - 2);  // of unit scale
  const double tail = 0.5 * incomplete_beta(0.5 * nu, 0.5, nu / (nu + t2));
  return z > 0 ? 1 - tail : tail;
}

double Mixture::log_density(double x) const {
  double largest = -INFINITY, sum = 0;
  for (const auto& [weight, t] : parts)
    if (weight > 0) largest = std::max(largest, t.log_density(x));
  for (const auto& [weight, t] : parts)
    if (weight > 0) sum += weight * std::exp(t.log_density(x) - largest);
  return largest + std::log(sum);
}

double Mixture::cdf(double x) const {
  double sum = 0;
  for (const auto& [weight, t] : parts)
    if (weight > 0) sum += weight * t.cdf(x);
  return sum;
}

double Mixture::quantile(double p) const {
  const double centre = mean(), deviation = std::sqrt(variance());
  double low = centre - deviation, high = centre + deviation;
  constexpr int kDoublings = 100, kHalvings = 40;
  for (int i = 0; i < kDoublings && cdf(low) > p; ++i) low -= centre - low;
  for (int i = 0; i < kDoublings && cdf(high) < p; ++i) high += high - centre;
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = 0.5 * (low + high);
    (cdf(middle) < p ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

double Mixture::mean() const {
  double sum = 0;
  for (const auto& [weight, t] : parts) sum += weight * t.mean;
  return sum;
}

double Mixture::variance() const {
  const double centre = mean();
  double sum = 0;
  for (const auto& [weight, t] : parts)
    sum += weight * (std::exp(t.log_variance) + (t.mean - centre) * (t.mean - centre));
  return sum;
}

}  // namespace stock
