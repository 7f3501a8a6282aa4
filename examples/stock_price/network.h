// The network: a sequence model, such as a GRU, that corrects EWMA.
//
// With the day's EWMA variance v, the network's outputs a and b, and the return r, r has a Student
// t distribution with
//
//   mean = a sqrt(v),   log variance = log v + b,   nu degrees of freedom,
//
// where a = b = 0 before training, so that the network starts with EWMA's likelihood. A network
// that starts from random outputs needs more than a thousand days to reach EWMA. Early stopping
// keeps the best parameters.
//
// b is the sum of the recurrent layer's output and a linear function, equal for all columns, of the
// log ratios of v to the variances of GARCH and of EWMA with other decays. The layer reads returns
// divided by the standard deviation that EWMA forecast.
//
// N rows, K columns, F features of a column.
#pragma once

#include "examples/common/sequence_model.h"
#include "examples/stock_price/baselines.h"

#include <unroll/unroll.h>

#include <cmath>
#include <numbers>

namespace stock {

namespace nn = unroll::nn;
using unroll::Tensor;
using unroll::Var;

inline constexpr double kMaxMean = 0.5;        // of |a|
inline constexpr double kMaxCorrection = 2.0;  // of |b|
inline constexpr double kMinNu = 2.1;
inline constexpr Index kRead = 2;              // features per column read by the layer
inline constexpr Index kFeatures = kRead + 4;  // and by the linear function

struct Network {
  program::SequenceModel layer;
  nn::Dropout dropout;
  nn::Linear head, direct;
  unroll::Param tail;  // [K], log(nu - kMinNu)

  Network(Index columns, program::SequenceOptions o)
      : layer(for_columns(std::move(o), columns)),
        dropout({.p = 0.2}),
        head({.in = layer.output_size(), .out = 2 * columns}),
        direct({.in = kFeatures, .out = 2}),
        tail(Tensor::full({columns}, std::log(6.0))) {
    for (nn::Linear* linear : {&head, &direct}) {  // zero, so that the model starts as EWMA
      linear->weight.set_value(Tensor::zeros(linear->weight.shape()));
      linear->bias.set_value(Tensor::zeros(linear->bias.shape()));
    }
  }
  UNROLL_FIELDS(layer, head, direct, tail)

  // Features [N, K F] -> a and b for the day after each row, [N, K, 2].
  Var operator()(const nn::Sequence& x) const {
    const Index n = x.rows.shape()[0], k = tail.shape()[0];
    const Var by_column = reshape(x.rows, {n, k, kFeatures});
    const Var read = reshape(narrow(by_column, 2, 0, kRead), {n, k * kRead});
    const Var said = head(dropout(layer(nn::Sequence(read, x.layout)).sequence.rows));
    return reshape(said, {n, k, 2}) + direct(by_column);
  }
  static program::SequenceOptions for_columns(program::SequenceOptions o, Index columns) {
    o.in = kRead * columns;
    return o;
  }
  Var nu() const { return exp(clamp(tail, -3, 6)) + kMinNu; }  // [K]
};

// ln Gamma(x) for x > 0: Stirling's series at x + 7.
inline Var log_gamma(const Var& x) {
  constexpr int kShift = 7;
  Var product = x;
  for (int i = 1; i < kShift; ++i) product = product * (x + static_cast<double>(i));
  const Var y = x + static_cast<double>(kShift), inverse = reciprocal(y);
  return (y - 0.5) * log(y) - y + 0.5 * std::log(2 * std::numbers::pi) +
         inverse * (1.0 / 12 - square(inverse) * (1.0 / 360)) - log(product);
}

struct Distribution {
  Var mean, log_variance;  // [N, K]
};

// Mean and log variance from the outputs [N, K, 2] and log v [N, K].
inline Distribution distribution(const Var& outputs, const Tensor& log_ewma) {
  const Var a = select(outputs, 2, 0), b = select(outputs, 2, 1);
  return {tanh(a / kMaxMean) * kMaxMean * exp(mul(log_ewma, 0.5)),
          tanh(b / kMaxCorrection) * kMaxCorrection + log_ewma};
}

// Negative log-likelihood of each return [N, K].
inline Var negative_log_likelihood(const Distribution& d, const Var& nu, const Tensor& returns) {
  const Var constant = log_gamma(nu * 0.5) - log_gamma((nu + 1.0) * 0.5) +
                       log((nu - 2.0) * std::numbers::pi) * 0.5;  // [K]
  const Var z2 = square(returns - d.mean) * exp(-d.log_variance);
  return constant + d.log_variance * 0.5 + (nu + 1.0) * 0.5 * log(1.0 + z2 / (nu - 2.0));
}

}  // namespace stock
