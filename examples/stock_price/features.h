// The features the network reads, and forecasts from its outputs.
//
// T rows, K columns, F features.
#pragma once

#include "examples/stock_price/forecast.h"

#include <unroll/tensor/tensor.h>

namespace stock {

struct Inputs {
  unroll::Tensor features;  // [T, K F] known after row t
  unroll::Tensor log_ewma;  // [T + 1, K]
  unroll::Tensor returns;   // [T, K], 0 where there is none
  unroll::Tensor present;   // [T, K], 1 where there is a return, else 0
};
Inputs inputs_of(const Market& m, const std::vector<Baselines>& fitted);

// A forecast from the network's means and log variances of rows 1 .. T, [T, K], and nu [K]; row 0
// is EWMA's.
Forecast network_forecast(const Market& m, const unroll::Tensor& mean,
                          const unroll::Tensor& log_variance, const unroll::Tensor& nu);

// The weight of a forecast in a mixture with a simpler one, for each column: the one with the
// highest likelihood on `rows`, reduced if the mixture's likelihood is hardly higher than the
// simple one's.
std::vector<double> shares(const Market& m, const Forecast& better, const Forecast& simple,
                           const std::vector<Index>& rows);
// The mixture of the two.
Forecast shared(const Forecast& better, const Forecast& simple, const std::vector<double>& shares);

}  // namespace stock
