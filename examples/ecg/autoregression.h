// An autoregressive model, fitted by least squares:
//
//   x[t] = b + a_1 x[t - 1] + .. + a_p x[t - p] + error
#pragma once

#include <unroll/tensor/types.h>

#include <span>
#include <vector>

namespace ecg {

using unroll::Index;

struct Autoregression {
  double intercept = 0;
  std::vector<double> weights;  // [p] a_1 .. a_p, of the latest value first

  // The forecast of each x[t] from the values before it, [T]. The values before x[0] are
  // taken to equal x[0]; the forecast of x[0] is x[0].
  std::vector<double> forecasts(std::span<const double> x) const;
};

// Solves the normal equations of the centred values by Cholesky's method, in double precision.
// Throws std::invalid_argument unless there are more than twice as many values as weights, and they
// are not all equal.
Autoregression fit_autoregression(std::span<const double> x, Index order);

}  // namespace ecg
