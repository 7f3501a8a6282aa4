// A forecast of every day, from the days before it, and how a forecast is judged.
//
// The level of a price is a trap: to say "as today" has an R^2 above 0.99, and nothing that is
// learned improves on it much. What can be forecast is how far tomorrow may go. Returns come in
// calm and wild weeks, so a forecast is a distribution, and is judged by how likely it held what
// came.
#pragma once

#include "examples/stock_price/baselines.h"
#include "examples/stock_price/student_t.h"

namespace stock {

// Distributions of log returns, mixtures of Student's t; row t was made from the rows before t. The
// last row is of the day after the file's last.
struct Forecast {
  struct Part {
    std::vector<double> weight, nu;                       // [K]
    std::vector<std::vector<double>> mean, log_variance;  // [K][T + 1]
  };
  std::vector<Part> parts;
  Mixture at(Index t, std::size_t column) const;
};

Forecast constant_forecast(const Market& m, const std::vector<Baselines>& fitted);
Forecast ewma_forecast(const Market& m, const std::vector<Baselines>& fitted);
Forecast garch_forecast(const Market& m, const std::vector<Baselines>& fitted);
// Several forecasts as one mixture, with equal weights.
Forecast mixture_of(const std::vector<Forecast>& forecasts);

// What is within the 95 % interval, as prices over the last one.
struct Interval {
  double low = 0, high = 0;
};
Interval interval(const Mixture& forecast);  // of the log return

// Of one column, over some rows; those without a return do not count.
struct Score {
  std::vector<double> nll;  // negative log-likelihood of each return
  double mean_nll = 0;
  double rmse = 0;      // of the price, in its own units, with exp(mean) as what it grows by
  double coverage = 0;  // share of the returns in the 95 % interval
};
// [K]. Throws std::runtime_error where a forecast is NaN or infinite.
std::vector<Score> score(const Market& m, const Forecast& f, const std::vector<Index>& rows);

// A mean over days of how much lower (better) the nll of `a` is than that of `b` on the same day,
// negated: below 0, a is better.
struct Difference {
  double mean = 0, standard_error = 0;
};
Difference difference(const Score& a, const Score& b);

// What makes the level a trap: R^2 of "as today" over some rows, for each column.
std::vector<double> r2_of_copying(const Market& m, const std::vector<Index>& rows);

}  // namespace stock
