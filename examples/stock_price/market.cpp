#include "examples/stock_price/market.h"

#include <unroll/data/table/csv.h>
#include <unroll/tensor/error.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

namespace stock {

using unroll::check_io;
using unroll::excerpt;

namespace {

constexpr double kDecay = 0.94;       // RiskMetrics, for daily returns
constexpr double kLeast = 1e-10;      // of a variance: a price may stand still for weeks
constexpr Index kMonth = 20;          // trading days
constexpr std::size_t kFewest = 200;  // days with prices: a year, hardly enough
constexpr Index kEnded = 10;          // days without a price at the end: no gap any more
// Of a price. Beyond, squares and forecasts would leave the range of numbers.
constexpr double kLowest = 1e-30, kHighest = 1e30;

// Fills m.prices, and counts what was missing.
void read_prices(const std::string& path, Market& m) {
  const unroll::data::Table table = unroll::data::read_csv(path);
  const std::size_t columns = m.names.size();
  std::vector<std::vector<double>> given;
  for (const std::string& name : m.names) given.push_back(table.numbers(name));
  m.prices.resize(columns);
  std::vector<Index> missing(columns, 0);  // at the end, so far
  for (std::size_t day = 0; day < table.rows(); ++day) {
    bool any = false, all_begun = true;
    for (std::size_t j = 0; j < columns; ++j) {
      const double price = given[j][day];
      const auto required = [&](bool ok, const std::string& what) {
        check_io(ok || std::isnan(price), "{}:{}: {} was required in column \"{}\": got {}", path,
                 table.line(day), what, excerpt(m.names[j]), price);
      };
      required(price > 0 && std::isfinite(price), "a price above 0");
      required(price >= kLowest && price <= kHighest,
               fmt::format("a price from {} to {}", kLowest, kHighest));
      any = any || !std::isnan(price);
      all_begun = all_begun && (!std::isnan(price) || !m.prices[j].empty());
    }
    m.closed += !any;
    m.early += any && !all_begun;
    if (!any || !all_begun) continue;
    for (std::size_t j = 0; j < columns; ++j) {
      const double price = given[j][day];
      missing[j] = std::isnan(price) ? missing[j] + 1 : 0;
      m.filled += std::isnan(price);
      m.prices[j].push_back(std::isnan(price) ? m.prices[j].back() : price);
    }
  }
  check_io(m.prices[0].size() >= kFewest,
           "{}: at least {} days with a price in every column were required: got {}", path, kFewest,
           m.prices[0].size());
  for (std::size_t j = 0; j < columns; ++j)
    check_io(
        missing[j] < kEnded,
        "{}: prices up to the end were required in column \"{}\": got none on the last {} days",
        path, excerpt(m.names[j]), missing[j]);
}

// Where a price stands still, there is nothing to learn or to test, and no R^2.
void check_changes(const std::string& path, const Market& m) {
  const auto check_part = [&](const char* name, const std::vector<Index>& part) {
    for (std::size_t j = 0; j < m.names.size(); ++j) {
      const auto begin = m.prices[j].begin() + part.front() + 1,
                 end = m.prices[j].begin() + part.back() + 2;
      check_io(std::adjacent_find(begin, end, std::not_equal_to<>()) != end,
               "{}: prices that change were required in column \"{}\": the {} of the {} part are "
               "all {}",
               path, excerpt(m.names[j]), part.size(), name, *begin);
    }
  };
  check_part("training", m.split.train);
  check_part("middle", m.split.validation);
  check_part("test", m.split.test);
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
  read_prices(path, m);
  const auto days = static_cast<Index>(m.prices[0].size()) - 1,
             k = static_cast<Index>(columns.size());
  m.split = unroll::data::chronological_split(days, {.train = 0.6, .validation = 0.2});
  check_changes(path, m);
  m.returns = Tensor::empty({days, k});
  m.log_ewma = Tensor::empty({days + 1, k});
  for (Index j = 0; j < k; ++j) {
    std::vector<double> r;
    for (Index t = 0; t < days; ++t) {
      r.push_back(std::log(m.prices[j][t + 1] / m.prices[j][t]));
      m.returns.set({t, j}, r.back());
    }
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
