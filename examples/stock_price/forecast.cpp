#include "examples/stock_price/forecast.h"

#include <unroll/tensor/error.h>

#include <cmath>

namespace stock {
namespace {

using Rows = std::vector<std::vector<double>>;

// One distribution for each day and column.
template <class Nu>
Forecast single(const Market& m, Rows mean, Rows log_variance, Nu&& nu) {
  Forecast::Part part;
  const auto columns = static_cast<std::size_t>(m.columns());
  part.weight.assign(columns, 1);
  for (std::size_t j = 0; j < columns; ++j) part.nu.push_back(nu(j));
  part.mean = std::move(mean);
  part.log_variance = std::move(log_variance);
  return {{std::move(part)}};
}

Rows constant_rows(const Market& m, const std::vector<double>& values) {
  Rows out;
  for (const double value : values) out.emplace_back(static_cast<std::size_t>(m.rows()) + 1, value);
  return out;
}

}  // namespace

Mixture Forecast::at(Index t, std::size_t column) const {
  Mixture mixture;
  const auto row = static_cast<std::size_t>(t);
  for (const Part& p : parts)
    mixture.parts.push_back(
        {p.weight[column], {p.mean[column][row], p.log_variance[column][row], p.nu[column]}});
  return mixture;
}

Forecast constant_forecast(const Market& m, const std::vector<Baselines>& fitted) {
  std::vector<double> log_variance;
  for (const Baselines& b : fitted) log_variance.push_back(std::log(b.constant.variance));
  return single(m, constant_rows(m, std::vector<double>(fitted.size(), 0)),
                constant_rows(m, log_variance),
                [&](std::size_t j) { return fitted[j].constant.nu; });
}

Forecast ewma_forecast(const Market& m, const std::vector<Baselines>& fitted) {
  return single(m, constant_rows(m, std::vector<double>(fitted.size(), 0)), m.log_ewma(),
                [&](std::size_t j) { return fitted[j].ewma.nu; });
}

Forecast garch_forecast(const Market& m, const std::vector<Baselines>& fitted) {
  std::vector<double> mean;
  Rows log_variance;
  for (std::size_t j = 0; j < fitted.size(); ++j) {
    mean.push_back(fitted[j].garch.mu);
    log_variance.push_back(garch_log_variance(m.returns[j], fitted[j].garch));
  }
  return single(m, constant_rows(m, mean), std::move(log_variance),
                [&](std::size_t j) { return fitted[j].garch.nu; });
}

Forecast mixture_of(const std::vector<Forecast>& forecasts) {
  Forecast out;
  for (const Forecast& f : forecasts)
    for (Forecast::Part part : f.parts) {
      for (double& weight : part.weight) weight /= static_cast<double>(forecasts.size());
      out.parts.push_back(std::move(part));
    }
  return out;
}

Interval interval(const Mixture& forecast) {
  return {forecast.quantile(0.025), forecast.quantile(0.975)};
}

std::vector<Score> score(const Market& m, const Forecast& f, const std::vector<Index>& rows) {
  std::vector<Score> out;
  for (std::size_t j = 0; j < m.returns.size(); ++j) {
    Score s;
    double squares = 0, inside = 0;
    for (const Index t : rows) {
      const double r = m.returns[j][static_cast<std::size_t>(t)];
      if (std::isnan(r)) continue;
      const Mixture forecast = f.at(t, j);
      s.nll.push_back(-forecast.log_density(r));
      s.mean_nll += s.nll.back();
      const double p = forecast.cdf(r), last = m.base[j][static_cast<std::size_t>(t)],
                   error = last * std::exp(forecast.mean()) - last * std::exp(r);
      inside += p >= 0.025 && p <= 0.975;
      squares += error * error;
    }
    const auto n = static_cast<double>(s.nll.size());
    unroll::check_io(n > 0, "{}: returns to judge by were required in column \"{}\": got none",
                     m.prices.path, unroll::excerpt(m.prices.names[j]));
    unroll::check_io(std::isfinite(s.mean_nll) && std::isfinite(squares),
                     "forecasts that are finite were required in column \"{}\": got others",
                     unroll::excerpt(m.prices.names[j]));
    s.mean_nll /= n;
    s.rmse = std::sqrt(squares / n);
    s.coverage = inside / n;
    out.push_back(std::move(s));
  }
  return out;
}

Difference difference(const Score& a, const Score& b) {
  Difference d;
  const auto n = static_cast<double>(a.nll.size());
  for (std::size_t i = 0; i < a.nll.size(); ++i) d.mean += (a.nll[i] - b.nll[i]) / n;
  double squares = 0;
  for (std::size_t i = 0; i < a.nll.size(); ++i) {
    const double e = a.nll[i] - b.nll[i] - d.mean;
    squares += e * e;
  }
  d.standard_error = std::sqrt(squares / std::max(n - 1, 1.0) / n);
  return d;
}

std::vector<double> r2_of_copying(const Market& m, const std::vector<Index>& rows) {
  std::vector<double> out;
  for (std::size_t j = 0; j < m.base.size(); ++j) {
    double mean = 0, errors = 0, spread = 0;
    const auto today = [&](Index t) { return m.base[j][static_cast<std::size_t>(t)]; };
    for (const Index t : rows) mean += today(t + 1) / static_cast<double>(rows.size());
    for (const Index t : rows) {
      errors += (today(t + 1) - today(t)) * (today(t + 1) - today(t));
      spread += (today(t + 1) - mean) * (today(t + 1) - mean);
    }
    out.push_back(spread > 0 ? 1 - errors / spread : 0);
  }
  return out;
}

}  // namespace stock
