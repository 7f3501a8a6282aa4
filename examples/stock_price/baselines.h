// The baselines: forecasts with a few parameters, fitted by maximum likelihood. The return of a day
// has a Student t distribution with variance h and nu degrees of freedom:
//
//   constant   h is the same on all days
//   ewma       h' = 0.94 h + 0.06 r^2                        RiskMetrics 1996
//   garch      h' = omega + alpha (r - mu)^2 + beta h        Bollerslev 1987
#pragma once

#include "examples/stock_price/market.h"

namespace stock {

// The parameters for one column.
struct Baselines {
  struct Constant {
    double variance = 0, nu = 0;
  } constant;
  struct Ewma {
    double nu = 0;
  } ewma;
  struct Garch {
    double mu = 0, omega = 0, alpha = 0, beta = 0, nu = 0;
  } garch;
};

// Fitted on the rows before `end`, for each column.
std::vector<Baselines> fit_baselines(const Market& m, Index end);

// The logarithm of h for each row and the day after, [T + 1].
std::vector<double> garch_log_variance(const std::vector<double>& returns,
                                       const Baselines::Garch& garch);

}  // namespace stock
