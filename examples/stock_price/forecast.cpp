#include "examples/stock_price/forecast.h"

#include <unroll/tensor/error.h>

#include <cmath>
#include <numbers>

namespace stock {

Forecast constant_forecast(const Market& m) {
  Forecast f{Tensor::zeros(m.log_ewma.shape()), Tensor::zeros(m.log_ewma.shape())};
  const Index past = m.split.test.front();
  for (Index j = 0; j < m.indexes(); ++j) {
    double variance = 0;
    for (Index t = 0; t < past; ++t)
      variance += m.returns.at({t, j}) * m.returns.at({t, j}) / static_cast<double>(past);
    for (Index t = 0; t <= m.days(); ++t) f.log_variance.set({t, j}, std::log(variance));
  }
  return f;
}

Forecast ewma_forecast(const Market& m) { return {Tensor::zeros(m.log_ewma.shape()), m.log_ewma}; }

Scores score(const Market& m, const Forecast& f) {
  Scores s;
  const auto n = static_cast<double>(m.split.test.size());
  for (Index j = 0; j < m.indexes(); ++j) {
    double nll = 0, squares = 0;
    for (const Index t : m.split.test) {
      const double mean = f.mean.at({t, j}), log_variance = f.log_variance.at({t, j}),
                   surprise = m.returns.at({t, j}) - mean;
      nll += 0.5 * (std::log(2 * std::numbers::pi) + log_variance +
                    surprise * surprise * std::exp(-log_variance));
      const double error = m.prices[j][t] * std::exp(mean) - m.prices[j][t + 1];
      squares += error * error;
    }
    unroll::check_io(std::isfinite(nll) && std::isfinite(squares),
                     "forecasts that are finite were required in column \"{}\": got others",
                     unroll::excerpt(m.names[j]));
    s.nll.push_back(nll / n);
    s.rmse.push_back(std::sqrt(squares / n));
  }
  return s;
}

std::vector<double> r2_of_copying(const Market& m) {
  std::vector<double> out;
  for (const auto& prices : m.prices) {
    double mean = 0, errors = 0, spread = 0;
    for (const Index t : m.split.test)
      mean += prices[t + 1] / static_cast<double>(m.split.test.size());
    for (const Index t : m.split.test) {
      errors += (prices[t + 1] - prices[t]) * (prices[t + 1] - prices[t]);
      spread += (prices[t + 1] - mean) * (prices[t + 1] - mean);
    }
    out.push_back(1 - errors / spread);
  }
  return out;
}

}  // namespace stock
