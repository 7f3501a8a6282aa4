#include "examples/stock_price/market.h"

#include <unroll/data/csv.h>
#include <unroll/tensor/error.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace stock {

using unroll::check_io;

namespace {

constexpr double kDecay = 0.94;       // RiskMetrics, for daily returns
constexpr double kLeast = 1e-10;      // of a variance: a price may stand still for weeks
constexpr Index kMonth = 20;          // trading days
constexpr std::size_t kFewest = 200;  // days with prices: a year, hardly enough

std::vector<std::vector<double>> read_prices(const std::string& path,
                                             const std::vector<std::string>& columns) {
  const unroll::data::Table table = unroll::data::read_csv(path);
  std::vector<std::vector<double>> given, kept(columns.size());
  for (const std::string& name : columns) given.push_back(table.numbers(name));
  for (std::size_t day = 0; day < table.rows(); ++day) {
    bool any = false, all_begun = true;
    for (std::size_t j = 0; j < columns.size(); ++j) {
      const double price = given[j][day];
      check_io(std::isnan(price) || (price > 0 && std::isfinite(price)),
               "{}:{}: a price above 0 was required in column \"{}\": got {}", path,
               table.line(day), columns[j], price);
      any = any || !std::isnan(price);
      all_begun = all_begun && (!std::isnan(price) || !kept[j].empty());
    }
    if (!any || !all_begun) continue;
    for (std::size_t j = 0; j < columns.size(); ++j)
      kept[j].push_back(std::isnan(given[j][day]) ? kept[j].back() : given[j][day]);
  }
  check_io(kept[0].size() >= kFewest,
           "{}: at least {} days with a price in every column were required: got {}", path, kFewest,
           kept[0].size());
  return kept;
}

}  // namespace

Market read_market(const std::string& path, const std::vector<std::string>& columns) {
  std::vector<std::string> sorted = columns;
  std::sort(sorted.begin(), sorted.end());
  unroll::check(
      !columns.empty() && std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end(),
      "--columns: names that differ were required: got {}", fmt::join(columns, ","));
  Market m;
  m.names = columns;
  m.prices = read_prices(path, columns);
  const auto days = static_cast<Index>(m.prices[0].size()) - 1,
             k = static_cast<Index>(columns.size());
  m.split = unroll::data::chronological_split(days, {.train = 0.6, .validation = 0.2});
  m.returns = Tensor::empty({days, k});
  m.log_ewma = Tensor::empty({days + 1, k});
  for (Index j = 0; j < k; ++j) {
    std::vector<double> r;
    for (Index t = 0; t < days; ++t) {
      r.push_back(std::log(m.prices[j][t + 1] / m.prices[j][t]));
      m.returns.set({t, j}, r.back());
    }
    check_io(
        std::any_of(r.begin(), r.begin() + m.split.train.back(), [](double x) { return x != 0; }),
        "{}: prices that change were required in column \"{}\": the first {} are all {}", path,
        columns[j], m.split.train.size(), m.prices[j][0]);
    // It starts from the first month. That is known to every day that is scored.
    double variance = 0;
    for (Index t = 0; t < kMonth; ++t) variance += r[t] * r[t] / kMonth;
    for (Index t = 0; t <= days; ++t) {
      variance = std::max(variance, kLeast);
      m.log_ewma.set({t, j}, std::log(variance));
      if (t < days) variance = kDecay * variance + (1 - kDecay) * r[t] * r[t];
    }
  }
  return m;
}

}  // namespace stock
