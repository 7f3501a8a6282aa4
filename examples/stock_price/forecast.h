// A forecast of every day, from the days before it; two that need no network; and how a forecast is
// judged.
//
// The level of a price is a trap: to say "as today" has an R^2 above 0.99, and nothing that is
// learned improves on it much. What can be forecast is how far tomorrow may go. Returns come in
// calm and wild weeks, so a forecast is a distribution, and is judged by how likely it held what
// came.
#pragma once

#include "examples/stock_price/market.h"

namespace stock {

// Normal distributions of log returns; row t was made from the rows before t. The last row is of
// the day after the file's last.
struct Forecast {
  Tensor mean, log_variance;  // [T + 1, K]
};

// "As today", with the variance of all that lies before the test part.
Forecast constant_forecast(const Market& m);
// "As today", with an exponentially weighted mean of squared returns: v' = 0.94 v + 0.06 r^2.
// RiskMetrics 1996.
Forecast ewma_forecast(const Market& m);

// For each index, over the test part.
struct Scores {
  std::vector<double> nll;   // mean negative log-likelihood of the return
  std::vector<double> rmse;  // of the price, in its own units, with exp(mean) as what it grows by
};
// Throws std::runtime_error where a forecast is NaN or infinite.
Scores score(const Market& m, const Forecast& f);

// What makes the level a trap: R^2 of "as today" over the test part.
std::vector<double> r2_of_copying(const Market& m);

}  // namespace stock
