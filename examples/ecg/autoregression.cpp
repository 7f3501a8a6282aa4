#include "examples/ecg/autoregression.h"

#include <unroll/tensor/error.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ecg {
namespace {

using Values = std::vector<double>;

// Solves A x = b for a symmetric positive definite A [n, n], in place: A = L L^T, L y = b, L^T x =
// y.
Values cholesky_solve(Values a, Values b) {
  const std::size_t n = b.size();
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t k = 0; k < j; ++k)
      for (std::size_t i = j; i < n; ++i) a[i * n + j] -= a[i * n + k] * a[j * n + k];
    unroll::check(a[j * n + j] > 0,
                  "autoregression: values that are not a function of those before were required");
    const double root = std::sqrt(a[j * n + j]);
    for (std::size_t i = j; i < n; ++i) a[i * n + j] /= root;
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) b[i] -= a[i * n + k] * b[k];
    b[i] /= a[i * n + i];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) b[i] -= a[k * n + i] * b[k];
    b[i] /= a[i * n + i];
  }
  return b;
}

}  // namespace

std::vector<double> Autoregression::forecasts(std::span<const double> x) const {
  Values out(x.begin(), x.end());
  for (std::size_t t = 1; t < x.size(); ++t) {
    double sum = intercept;
    for (std::size_t k = 0; k < weights.size(); ++k) sum += weights[k] * x[t > k ? t - 1 - k : 0];
    out[t] = sum;
  }
  return out;
}

Autoregression fit_autoregression(std::span<const double> x, Index order) {
  const auto p = static_cast<std::size_t>(order);
  unroll::check(order >= 1 && x.size() > 2 * p,
                "autoregression: more than {} values for {} weights were required: got {}", 2 * p,
                order, x.size());
  const double mean = std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
  Values centred;
  for (const double value : x) centred.push_back(value - mean);
  Values products(p * p, 0.0), targets(p, 0.0);  // X^T X [p, p], X^T y [p]
  for (std::size_t t = p; t < x.size(); ++t)
    for (std::size_t i = 0; i < p; ++i) {
      const double value = centred[t - 1 - i];
      targets[i] += value * centred[t];
      for (std::size_t j = 0; j <= i; ++j) products[i * p + j] += value * centred[t - 1 - j];
    }
  unroll::check(products[0] > 0, "autoregression: values that are not all equal were required");
  constexpr double kRidge = 1e-10;  // of the diagonal: against rounding in smooth signals
  for (std::size_t i = 0; i < p; ++i) products[i * p + i] *= 1 + kRidge;
  Autoregression out;
  out.weights = cholesky_solve(std::move(products), std::move(targets));
  out.intercept = mean * (1 - std::accumulate(out.weights.begin(), out.weights.end(), 0.0));
  return out;
}

}  // namespace ecg
