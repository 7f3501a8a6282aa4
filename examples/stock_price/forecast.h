// A forecast of each day from the days before it, and its evaluation.
//
// Forecasting the price itself proves nothing: "tomorrow as today" has an R^2 above 0.99. What can
// be forecast is the volatility, since calm and volatile weeks cluster. So a forecast is a
// distribution of the return, and it is evaluated by the likelihood of the returns that followed.
#pragma once

#include "examples/stock_price/baselines.h"
#include "examples/stock_price/student_t.h"

namespace stock {

// Distributions of log returns, mixtures of Student's t; row t is computed from the rows
// before t. The last row is for the day after the file's last one.
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

// The 95 % interval, as factors of the last price.
struct Interval {
  double low = 0, high = 0;
};
Interval interval(const Mixture& forecast);  // of the log return

// The evaluation of one column over some rows, without those that have no return.
struct Score {
  std::vector<double> nll;  // negative log-likelihood of each return
  double mean_nll = 0;
  double rmse = 0;      // of the price, in its unit, forecast as last price times exp(mean)
  double coverage = 0;  // share of the returns in the 95 % interval
};
// [K]. Throws std::runtime_error if a forecast is NaN or infinite.
std::vector<Score> score(const Market& m, const Forecast& f, const std::vector<Index>& rows);

// The mean over days of the nll of `a` minus that of `b`: below 0, a is better.
struct Difference {
  double mean = 0, standard_error = 0;
};
Difference difference(const Score& a, const Score& b);

// R^2 of the price forecast "as today" over some rows, for each column.
std::vector<double> r2_of_copying(const Market& m, const std::vector<Index>& rows);

}  // namespace stock
