#include "examples/ecg/forecaster.h"

#include <unroll/autograd/mode.h>
#include <unroll/autograd/ops.h>
#include <unroll/tensor/error.h>

#include <algorithm>
#include <cmath>
#include <memory>

namespace ecg {
namespace {

constexpr double kLimit = 3;        // the network changes log s by at most so much
constexpr double kMinScale = 1e-3;  // of the standard deviation of differences
constexpr Index kStream = 8192;     // rows at a time, which bounds memory

double deviation(std::span<const double> x) {
  double mean = 0, sum = 0;
  for (const double v : x) mean += v / static_cast<double>(x.size());
  for (const double v : x) sum += (v - mean) * (v - mean) / static_cast<double>(x.size());
  return std::sqrt(sum);
}

Values differences(std::span<const double> x) {
  Values out(x.size(), 0.0);
  for (std::size_t t = 1; t < x.size(); ++t) out[t] = x[t] - x[t - 1];
  return out;
}

// An error in units of its scale may be 100 where a beat begins: large ones are compressed.
double compressed(double error) { return std::asinh(error); }

}  // namespace

Fitted fit_baselines(std::span<const double> x) {
  Fitted out;
  for (const double v : x) out.mean += v / static_cast<double>(x.size());
  out.deviation = deviation(x);
  const Values steps = differences(x);
  out.step = deviation(steps);
  unroll::check_io(out.step > 0, "a signal that varies was required: got {} equal values",
                   x.size());
  out.ar = fit_autoregression(x, kOrder);
  Values errors = out.ar.forecasts(x);
  for (std::size_t t = 0; t < x.size(); ++t) errors[t] = x[t] - errors[t];
  errors.erase(errors.begin(), errors.begin() + kOrder);
  out.of_ar = fit_student(errors, kMinScale * out.step);
  out.persistence = fit_student({steps.begin() + kOrder, steps.end()}, kMinScale * out.step);
  return out;
}

Tensor as_tensor(const Fitted& f) {
  Values all{f.mean,           f.deviation,   f.step,     f.persistence.scale,
             f.persistence.nu, f.of_ar.scale, f.of_ar.nu, f.ar.intercept};
  all.insert(all.end(), f.ar.weights.begin(), f.ar.weights.end());
  return Tensor::from(all, {static_cast<Index>(all.size())}, unroll::f64);
}

Fitted as_fitted(const Tensor& values) {
  const auto v = values.to_vector<double>();
  Fitted f{v[0], v[1], v[2], {v[3], v[4]}, {v[5], v[6]}, {v[7], {v.begin() + 8, v.end()}}};
  unroll::check_io(f.deviation > 0 && f.step > 0 && f.persistence.scale > 0 &&
                       f.persistence.nu > 0 && f.of_ar.scale > 0 && f.of_ar.nu > 0,
                   "a model of ecg was required: got one with a scale that is not above 0");
  return f;
}

Rows rows_of(std::span<const double> x, const Fitted& f) {
  Rows out;
  out.persistence = differences(x);
  out.ar = f.ar.forecasts(x);
  for (std::size_t t = 0; t < x.size(); ++t) out.ar[t] = x[t] - out.ar[t];
  const double s = f.of_ar.scale;
  Values inputs, errors;
  for (std::size_t t = 0; t + 1 < x.size(); ++t) {
    inputs.insert(inputs.end(), {(x[t] - f.mean) / f.deviation, out.persistence[t] / f.step,
                                 compressed(out.ar[t] / s)});
    errors.push_back(out.ar[t + 1] / s);
  }
  const auto n = static_cast<Index>(errors.size());
  out.inputs = Tensor::from(inputs, {n, kInputs}, unroll::f32);
  out.errors = Tensor::from(errors, {n, 1}, unroll::f32);
  return out;
}

Forecaster::Forecaster(const program::SequenceOptions& options)
    : network(options),
      head({.in = network.output_size(), .out = 2}),
      fitted(Tensor::zeros({8 + kOrder}, unroll::f64)) {
  head.weight.set_value(Tensor::zeros(head.weight.shape()));  // it starts near the AR model
}

Var Forecaster::operator()(const Tensor& inputs, State& state) const {
  program::SequenceModel::Result out = network(nn::Sequence::from({inputs}), state);
  state = std::move(out.state);
  return head(out.sequence.rows);  // [N, 2]
}

Var student_nll(const Var& forecast, const Tensor& errors, double nu) {
  const Var shift = narrow(forecast, 1, 0, 1);                            // [N, 1]
  const Var r = kLimit * tanh(narrow(forecast, 1, 1, 1) * (1 / kLimit));  // log(scale / s)
  const Var z = (errors - shift) * exp(-r);
  return r + 0.5 * (nu + 1) * log(1.0 + square(z) * (1 / nu));
}

Var window_loss(const Forecaster& model, const Rows& rows, Index begin, Index end, Index chunk) {
  const Fitted f = as_fitted(model.fitted.value());
  const double nu = f.of_ar.nu;
  const Index first = std::max<Index>(begin, 1) - 1, n = end - 1 - first;  // rows
  // The state after the last chunk, in which the values of another one are placed.
  const auto last = std::make_shared<Forecaster::State>();
  // Sum of the losses of some rows, and the state after them, from the state before.
  const auto part = [&model, &rows, nu, last](Index from, Index count, const std::vector<Var>& in) {
    Forecaster::State state;
    if (!in.empty()) state = last->with_parts(in);
    const Var forecast = model(narrow(rows.inputs, 0, from, count), state);
    const Var loss = sum(student_nll(forecast, narrow(rows.errors, 0, from, count), nu));
    std::vector<Var> out = state.parts();
    out.insert(out.begin(), loss);
    *last = state.detach();
    return out;
  };
  std::vector<Var> state;
  Var total;
  const Index size = chunk > 0 ? chunk : n;
  for (Index at = 0; at < n; at += size) {
    const Index from = first + at, count = std::min(size, n - at);
    const auto one = [part, from, count](const std::vector<Var>& in) {
      return part(from, count, in);
    };
    const std::vector<Var> out = chunk > 0 ? checkpoint(one, state) : one(state);
    total = total.defined() ? total + out[0] : out[0];
    state.assign(out.begin() + 1, out.end());
  }
  return total * (1 / static_cast<double>(n)) + (std::log(f.of_ar.scale) + log_constant(nu));
}

AllScores score(const Forecaster& model, std::span<const double> x) {
  const unroll::Inference inference;
  const Fitted f = as_fitted(model.fitted.value());
  const Rows rows = rows_of(x, f);
  AllScores out;
  const auto of_errors = [&](const Values& errors, const StudentT& t) {
    Scores s{Values(x.size(), 0.0), Values(x.size(), 0.0)};
    for (std::size_t i = 1; i < x.size(); ++i)
      s.nll[i] = t.nll(errors[i]), s.squared_error[i] = errors[i] * errors[i];
    return s;
  };
  out.persistence = of_errors(rows.persistence, f.persistence);
  out.ar = of_errors(rows.ar, f.of_ar);
  out.network = {Values(1, 0.0), Values(1, 0.0)};
  const double s = f.of_ar.scale, constant = std::log(s) + log_constant(f.of_ar.nu);
  Forecaster::State state;
  const Index n = std::ssize(x) - 1;
  for (Index at = 0; at < n; at += kStream) {
    const Index count = std::min(kStream, n - at);
    const Var forecast = model(narrow(rows.inputs, 0, at, count), state);
    const Tensor errors = narrow(rows.errors, 0, at, count);
    for (const double v : student_nll(forecast, errors, f.of_ar.nu).value().to_vector<double>())
      out.network.nll.push_back(v + constant);
    for (const double e : (errors - narrow(forecast.value(), 1, 0, 1)).to_vector<double>())
      out.network.squared_error.push_back(s * s * e * e);
  }
  return out;
}

}  // namespace ecg
