#include "examples/stock_price/predict.h"

#include <fmt/format.h>

#include <cmath>

namespace stock {
namespace {

std::string as_field(const std::string& text) {
  if (text.find_first_of("\",\n\r") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

}  // namespace

std::string predictions(const Market& m, const Forecast& forecast) {
  std::string out = "date,column,price,mean,volatility,low,high\n";
  for (Index t = 0; t <= m.rows(); ++t)
    for (std::size_t j = 0; j < m.returns.size(); ++j) {
      const auto row = static_cast<std::size_t>(t);
      const Mixture distribution = forecast.at(t, j);
      const Interval band = interval(distribution);
      const double last = m.base[j][row];
      const bool there = t < m.rows() && !std::isnan(m.returns[j][row]);
      const int decimals = decimals_of(last) + 1;
      out += fmt::format("{},{},{},{:.6g},{:.6g},{:.{}f},{:.{}f}\n", m.day(t),
                         as_field(m.prices.names[j]),
                         there ? fmt::format("{}", m.base[j][row + 1]) : "", distribution.mean(),
                         std::sqrt(distribution.variance()), last * std::exp(band.low), decimals,
                         last * std::exp(band.high), decimals);
    }
  return out;
}

}  // namespace stock
