// Returns, and what is computed of them without learning anything.
//
// T + 1 days with prices, T rows with returns, K columns.
#pragma once

#include "examples/stock_price/prices.h"

#include <unroll/data/split.h>

#include <array>

namespace stock {

// Exponentially weighted variances v' = d v + (1 - d) r^2, each with its decay d: fast, RiskMetrics
// (1996), slow, and close to the variance of a year.
inline constexpr std::array<double, 4> kDecays{0.8, 0.94, 0.985, 0.996};
inline constexpr std::size_t kRiskMetrics = 1;  // of kDecays

struct Market {
  Prices prices;
  std::vector<std::vector<double>> base;     // [K][T + 1] the last price known on a day
  std::vector<std::vector<double>> returns;  // [K][T] log returns; row t is of day t + 1 over the
                                             // last price before it; NaN where day t + 1 has none
  // [decays][K][T + 1] log variance that is expected of row t, from the rows before t; the last row
  // is of the day after the file's last.
  std::array<std::vector<std::vector<double>>, kDecays.size()> log_variance;
  std::vector<double> prior;  // [K] the variance that all begin with
  unroll::data::Split split;  // of the rows: the past trains, the middle stops, the future tests
  Index rows() const { return prices.days() - 1; }
  Index columns() const { return static_cast<Index>(prices.names.size()); }
  const std::vector<std::vector<double>>& log_ewma() const { return log_variance[kRiskMetrics]; }
  // "2024-11-01": the day that row t is a forecast of; of the last row, the day after the file's.
  std::string day(Index t) const;
  std::int64_t time(Index t) const;  // of that day, as Prices::dates; only where there are dates
};

// Variances begin with `prior` [K]; where it is empty, with that of the training part. The split is
// 60 % that train, 20 % that stop, 20 % that test. Throws std::runtime_error where the prices of a
// part do not change.
Market make_market(Prices prices);
Market make_market(Prices prices, const std::vector<double>& prior);  // without a split

// How many decimals show a price of this size: 1.1123, 112.31, 0.00001234.
int decimals_of(double price);

}  // namespace stock
