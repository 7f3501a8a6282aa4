#include "examples/stock_price/baselines.h"

#include "examples/stock_price/minimise.h"
#include "examples/stock_price/student_t.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace stock {
namespace {

constexpr double kMinNu = 2.1;          // below, the variance is hardly finite
constexpr double kMinVariance = 1e-12;  // of a variance

// Degrees of freedom from a number without bounds, and back.
double nu_of(double x) { return kMinNu + std::exp(std::clamp(x, -5.0, 6.0)); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// Mean negative log-likelihood of the rows before `end`; h(t) is the log variance of row t.
template <class LogVariance>
double mean_nll(const std::vector<double>& returns, Index end, double mu, double nu,
                LogVariance&& h) {
  // The part of the density that is the same on all days is computed once.
  const double constant = -StudentT{0, 0, nu}.log_density(0);
  double sum = 0, n = 0;
  for (Index t = 0; t < end; ++t) {
    const double r = returns[static_cast<std::size_t>(t)], log_h = h(t);
    if (std::isnan(r)) continue;
    const double z2 = (r - mu) * (r - mu) * std::exp(-log_h);
    sum += constant + 0.5 * log_h + 0.5 * (nu + 1) * std::log1p(z2 / (nu - 2));
    ++n;
  }
  return n > 0 ? sum / n : INFINITY;
}

double variance_of(const std::vector<double>& returns, Index end) {
  double sum = 0, n = 0;
  for (Index t = 0; t < end; ++t) {
    const double r = returns[static_cast<std::size_t>(t)];
    if (std::isnan(r)) continue;
    sum += r * r;
    ++n;
  }
  return std::max(sum / std::max(n, 1.0), kMinVariance);
}

// alpha + beta < 1; omega such that the variance in the long run is that of the returns times e^x.
Baselines::Garch garch_of(const std::vector<double>& x, double variance) {
  const double persistence = 0.9999 * sigmoid(x[2]), share = sigmoid(x[3]);
  Baselines::Garch g;
  g.mu = x[0] * std::sqrt(variance);
  g.alpha = persistence * share;
  g.beta = persistence - g.alpha;
  g.omega = variance * std::exp(std::clamp(x[1], -10.0, 10.0)) * (1 - persistence);
  g.nu = nu_of(x[4]);
  return g;
}

Baselines::Garch fit_garch(const std::vector<double>& returns, Index end, double nu) {
  const double variance = variance_of(returns, end);
  const std::vector<double> past(returns.begin(), returns.begin() + end);
  const auto loss = [&](const std::vector<double>& x) {
    const Baselines::Garch g = garch_of(x, variance);
    const std::vector<double> h = garch_log_variance(past, g);
    return mean_nll(past, end, g.mu, g.nu, [&](Index t) { return h[static_cast<std::size_t>(t)]; });
  };
  const double tail = std::log(std::max(nu - kMinNu, 1e-2));
  const auto logit = [](double p) { return std::log(p / (1 - p)); };
  Minimum best;
  for (const double persistence : {0.9, 0.98, 0.997}) {
    const Minimum found = minimise(loss, {0, 0, logit(persistence), logit(0.07), tail},
                                   {0.05, 0.3, 0.7, 0.5, 0.5}, 600);
    if (found.value < best.value) best = found;
  }
  return garch_of(best.x, variance);
}

}  // namespace

std::vector<double> garch_log_variance(const std::vector<double>& returns,
                                       const Baselines::Garch& g) {
  std::vector<double> out;
  double h = g.omega / std::max(1 - g.alpha - g.beta, 1e-6);
  for (std::size_t t = 0; t <= returns.size(); ++t) {
    out.push_back(std::log(std::max(h, kMinVariance)));
    if (t == returns.size() || std::isnan(returns[t])) continue;
    h = g.omega + g.alpha * (returns[t] - g.mu) * (returns[t] - g.mu) + g.beta * h;
  }
  return out;
}

std::vector<Baselines> fit_baselines(const Market& m, Index end) {
  std::vector<Baselines> out;
  for (std::size_t j = 0; j < m.returns.size(); ++j) {
    const std::vector<double>&returns = m.returns[j], &log_ewma = m.log_ewma()[j];
    Baselines b;
    const double log_variance = std::log(variance_of(returns, end));
    const Minimum constant = minimise(
        [&](const std::vector<double>& x) {
          return mean_nll(returns, end, 0, nu_of(x[1]), [&](Index) { return log_variance + x[0]; });
        },
        {0, 1}, {0.3, 0.5}, 200);
    b.constant = {std::exp(log_variance + constant.x[0]), nu_of(constant.x[1])};
    const Minimum ewma = minimise(
        [&](const std::vector<double>& x) {
          return mean_nll(returns, end, 0, nu_of(x[0]),
                          [&](Index t) { return log_ewma[static_cast<std::size_t>(t)]; });
        },
        {1}, {0.5}, 100);
    b.ewma = {nu_of(ewma.x[0])};
    b.garch = fit_garch(returns, end, b.ewma.nu);
    out.push_back(b);
  }
  return out;
}

}  // namespace stock
