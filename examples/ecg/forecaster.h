// Three forecasts of the next sample as a distribution, all of them Student t:
//
//   persistence   location x[t]
//   ar            location of an autoregressive model of order 16
//   network       a sequence model, such as an LSTM, corrects the latter: location ar + s out_0,
//                 log scale log s + out_1
//
// T samples, N forecasts.
#pragma once

#include "examples/common/sequence_model.h"
#include "examples/ecg/autoregression.h"
#include "examples/ecg/recording.h"
#include "examples/ecg/student.h"

#include <unroll/nn/layers.h>
#include <unroll/nn/module.h>

namespace ecg {

namespace nn = unroll::nn;
using unroll::Tensor;
using unroll::Var;

inline constexpr Index kOrder = 16;
inline constexpr Index kInputs = 3;

// What is fitted on the training part without a network.
struct Fitted {
  double mean = 0, deviation = 1;  // of the values
  double step = 1;                 // standard deviation of x[t] - x[t - 1]
  StudentT persistence, of_ar;
  Autoregression ar;
};
Fitted fit_baselines(std::span<const double> training);
Tensor as_tensor(const Fitted& fitted);  // f64
Fitted as_fitted(const Tensor& values);

// What the network reads and forecasts: row t is about the forecast of sample t + 1.
struct Rows {
  Tensor inputs;           // [T - 1, 3] standardised value, difference, and error of the AR at t
  Tensor errors;           // [T - 1, 1] the AR's error at t + 1, in units of its scale s
  Values ar, persistence;  // [T] errors of the two baselines at t, in mV
};
Rows rows_of(std::span<const double> values, const Fitted& fitted);

struct Forecaster {
  program::SequenceModel network;
  nn::Linear head;
  nn::Buffer fitted;

  explicit Forecaster(const program::SequenceOptions& options);
  UNROLL_FIELDS(network, head, fitted)

  using State = program::SequenceModel::State;
  // Standardised location and log scale of each forecast, [N, 2], of rows that continue the state,
  // which is replaced.
  Var operator()(const Tensor& inputs, State& state) const;
};

// The negative log-likelihoods of the errors [N, 1] without the constant part, [N, 1].
Var student_nll(const Var& forecast, const Tensor& errors, double nu);

// The mean negative log-likelihood of the forecasts of samples [begin, end), one training sequence
// that begins with an empty state; in nats of mV. With `chunk` > 0, the network saves only its
// state before each chunk of so many samples and computes the rest again in backward; an attention
// model has no such state, and starts each chunk anew.
Var window_loss(const Forecaster& model, const Rows& rows, Index begin, Index end, Index chunk = 0);

// The forecasts of all samples but the first by the three models, as one stream.
struct Scores {
  Values nll;            // [T] nats of mV; 0 for the first
  Values squared_error;  // [T] mV^2
};
struct AllScores {
  Scores persistence, ar, network;
};
AllScores score(const Forecaster& model, std::span<const double> values);

}  // namespace ecg
