#include "examples/stock_price/predict.h"

#include "examples/common/predictions.h"

#include <fmt/format.h>

#include <cmath>

namespace stock {
void write_predictions(const program::Options& o, const std::string& model, const Market& m,
                       const Forecast& forecast) {
  program::PredictionFile file(o, {"date", "column", "price", "mean", "volatility", "low", "high"});
  for (Index t = 0; t <= m.rows() && !program::interrupted(); ++t)
    for (std::size_t j = 0; j < m.returns.size(); ++j) {
      const auto row = static_cast<std::size_t>(t);
      const Mixture distribution = forecast.at(t, j);
      const Interval band = interval(distribution);
      const double last = m.base[j][row];
      const bool there = t < m.rows() && !std::isnan(m.returns[j][row]);
      const int decimals = decimals_of(last) + 1;
      file.row({m.day(t), m.prices.names[j], there ? fmt::format("{}", m.base[j][row + 1]) : "",
                fmt::format("{:.6g}", distribution.mean()),
                fmt::format("{:.6g}", std::sqrt(distribution.variance())),
                fmt::format("{:.{}f}", last * std::exp(band.low), decimals),
                fmt::format("{:.{}f}", last * std::exp(band.high), decimals)});
    }
  file.end(fmt::format("{} days by {}", m.rows() + 1, model));
}

}  // namespace stock
