// Returns, and statistics of them that need no training.
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
  std::vector<std::vector<double>> base;     // [K][T + 1] the last known price of a day
  std::vector<std::vector<double>> returns;  // [K][T] log returns; row t is of day t + 1 over the
                                             // last price before it; NaN where day t + 1 has none
  // [decays][K][T + 1] forecast log variance of row t from the rows before t; the last row is for
  // the day after the file's last one.
  std::array<std::vector<std::vector<double>>, kDecays.size()> log_variance;
  std::vector<double> prior;  // [K] the initial variance
  unroll::data::Split split;  // of the rows: training, early stopping, test
  Index rows() const { return prices.days() - 1; }
  Index columns() const { return static_cast<Index>(prices.names.size()); }
  const std::vector<std::vector<double>>& log_ewma() const { return log_variance[kRiskMetrics]; }
  // "2024-11-01": the day that row t forecasts; for the last row, the day after the file's last
  // one.
  std::string day(Index t) const;
  std::int64_t time(Index t) const;  // of that day, as Prices::dates; only where there are dates
};

// The initial variances are `prior` [K], or, if empty, those of the training part. The split is 60
// % for training, 20 % for early stopping, 20 % for testing. Throws std::runtime_error if the
// prices of a part do not change.
Market make_market(Prices prices);
Market make_market(Prices prices, const std::vector<double>& prior);  // without a split

// The number of decimals for a price of this size: 1.1123, 112.31, 0.00001234.
int decimals_of(double price);

}  // namespace stock
