#include "examples/stock_price/features.h"

#include "examples/stock_price/network.h"

#include <algorithm>
#include <cmath>

namespace stock {

Inputs inputs_of(const Market& m, const std::vector<Baselines>& fitted) {
  const Index rows = m.rows(), k = m.columns();
  std::vector<float> features, log_ewma, returns, present;
  std::vector<std::vector<double>> garch;
  for (std::size_t j = 0; j < fitted.size(); ++j)
    garch.push_back(garch_log_variance(m.returns[j], fitted[j].garch));
  constexpr double kMaxDeviations = 6, kMaxRatio = 3;
  const auto ratio = [&](double a, double b) { return std::clamp(a - b, -kMaxRatio, kMaxRatio); };
  for (Index row = 0; row <= rows; ++row) {
    const auto t = static_cast<std::size_t>(row);
    for (std::size_t j = 0; j < static_cast<std::size_t>(k); ++j) {
      const double log_v = m.log_ewma()[j][t];
      log_ewma.push_back(static_cast<float>(log_v));
      if (row == rows) continue;
      const bool there = !std::isnan(m.returns[j][t]);
      const double r = there ? m.returns[j][t] : 0,
                   z = std::clamp(r * std::exp(-0.5 * log_v), -kMaxDeviations, kMaxDeviations);
      returns.push_back(static_cast<float>(r));
      present.push_back(there ? 1 : 0);
      const double next = m.log_ewma()[j][t + 1];
      // The return in units of the deviation expected of it, the logarithm of its size, about
      // centred, and what other variances say of the next row.
      for (const double f :
           {z, there ? 0.5 * (std::log(z * z + 0.1) + 0.6) : 0,
            ratio(m.log_variance[0][j][t + 1], next), ratio(m.log_variance[2][j][t + 1], next),
            ratio(m.log_variance[3][j][t + 1], next), ratio(garch[j][t + 1], next)})
        features.push_back(static_cast<float>(f));
    }
  }
  using unroll::Tensor;
  return {Tensor::from(features, {rows, k * kFeatures}), Tensor::from(log_ewma, {rows + 1, k}),
          Tensor::from(returns, {rows, k}), Tensor::from(present, {rows, k})};
}

Forecast network_forecast(const Market& m, const unroll::Tensor& mean,
                          const unroll::Tensor& log_variance, const unroll::Tensor& nu) {
  Forecast::Part part;
  for (Index j = 0; j < m.columns(); ++j) {
    part.weight.push_back(1);
    part.nu.push_back(nu.at({j}));
    part.mean.push_back({0});
    part.log_variance.push_back({m.log_ewma()[static_cast<std::size_t>(j)][0]});
    for (Index t = 0; t < m.rows(); ++t) {
      part.mean.back().push_back(mean.at({t, j}));
      part.log_variance.back().push_back(log_variance.at({t, j}));
    }
  }
  return {{std::move(part)}};
}

std::vector<double> shares(const Market& m, const Forecast& better, const Forecast& simple,
                           const std::vector<Index>& rows) {
  // In standard errors: what is no evidence, and what is enough of it.
  constexpr double kFaint = 0.25, kClear = 1;
  const std::vector<Score> with = score(m, better, rows), without = score(m, simple, rows);
  std::vector<double> out;
  for (std::size_t j = 0; j < with.size(); ++j) {
    const std::vector<double>&a = with[j].nll, &b = without[j].nll;
    // How much likelier the mixture is than the simple one, and the standard error of that.
    const auto gain = [&](double share) {
      Score mixed;
      for (std::size_t i = 0; i < a.size(); ++i)
        mixed.nll.push_back(b[i] - std::log1p(share * std::expm1(std::min(b[i] - a[i], 700.0))));
      return difference(mixed, without[j]);
    };
    double low = 0, high = 1;  // the likelihood is concave in the share
    for (int i = 0; i < 30; ++i) {
      const double first = low + (high - low) / 3, second = high - (high - low) / 3;
      (gain(first).mean < gain(second).mean ? high : low) =
          gain(first).mean < gain(second).mean ? second : first;
    }
    const double share = 0.5 * (low + high);
    const Difference d = gain(share);
    const double evidence = d.standard_error > 0 ? -d.mean / d.standard_error : 0;
    out.push_back(share * std::clamp((evidence - kFaint) / (kClear - kFaint), 0.0, 1.0));
  }
  return out;
}

Forecast shared(const Forecast& better, const Forecast& simple, const std::vector<double>& shares) {
  Forecast out;
  const auto add = [&](const Forecast& forecast, auto&& share) {
    for (Forecast::Part part : forecast.parts) {
      for (std::size_t j = 0; j < shares.size(); ++j) part.weight[j] *= share(shares[j]);
      out.parts.push_back(std::move(part));
    }
  };
  add(better, [](double share) { return share; });
  add(simple, [](double share) { return 1 - share; });
  return out;
}

}  // namespace stock
