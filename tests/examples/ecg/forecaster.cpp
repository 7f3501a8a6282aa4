// The forecasts against closed forms, and the long training sequence with and without
// checkpointing.
#include "examples/ecg/forecaster.h"
#include "examples/ecg/verdict.h"
#include "tests/examples/ecg/records.h"

#include <unroll/autograd/tape.h>

using namespace ecg;

TEST_CASE("least squares finds the coefficients of an autoregressive process") {
  unroll::Generator g(1);
  for (int round = 0; round < 5; ++round) {
    const double a1 = 0.5 + 0.4 * g.uniform(), a2 = -0.5 * g.uniform(), b = normal(g);
    Values x{0, 0};
    for (int t = 2; t < 40'000; ++t)
      x.push_back(b + a1 * x[t - 1] + a2 * x[t - 2] + 0.3 * normal(g));
    const Autoregression ar = fit_autoregression(x, 4);
    // The standard error of a coefficient is about 1 / sqrt(T) = 0.005.
    CHECK(std::abs(ar.weights[0] - a1) < 0.025);
    CHECK(std::abs(ar.weights[1] - a2) < 0.03);
    CHECK(std::abs(ar.weights[2]) < 0.03);
    CHECK(std::abs(ar.weights[3]) < 0.025);
    CHECK(std::abs(ar.intercept - b) < 0.05 * (1 + std::abs(b)));
  }
}

TEST_CASE("a signal that an autoregressive model can say exactly has no error") {
  // A sine satisfies x[t] = 2 cos(w) x[t - 1] - x[t - 2]; 24 whole periods, so that its mean is 1.
  Values x;
  for (int t = 0; t < 500; ++t) x.push_back(1 + std::sin(6.283185307179586 * 24 * t / 500));
  const Values forecasts = fit_autoregression(x, 2).forecasts(x);
  for (std::size_t t = 2; t < x.size(); ++t) CHECK(std::abs(forecasts[t] - x[t]) < 1e-6);
  CHECK(forecasts[0] == x[0]);
}

TEST_CASE("the density of Student's t has the values of its closed forms") {
  for (const double e : {-3.0, -0.2, 0.0, 1.0, 10.0}) {
    // One degree of freedom: Cauchy.
    CHECK(StudentT{2, 1}.nll(e) ==
          doctest::Approx(std::log(3.14159265358979 * 2 * (1 + e * e / 4))).epsilon(1e-12));
    // Two: (1 + z^2 / 2)^(-3/2) / sqrt(8).
    CHECK(StudentT{1, 2}.nll(e) ==
          doctest::Approx(std::log(std::sqrt(8.0)) + 1.5 * std::log(1 + e * e / 2)).epsilon(1e-12));
  }
}

TEST_CASE("the fit of Student's t finds scale and degrees of freedom") {
  unroll::Generator g(3);
  Values errors;  // 4 degrees of freedom: normal over the root of chi squared / 4
  for (int i = 0; i < 40'000; ++i) {
    double chi = 0;
    for (int k = 0; k < 4; ++k) {
      const double z = normal(g);
      chi += z * z;
    }
    errors.push_back(0.5 * normal(g) / std::sqrt(chi / 4));
  }
  const StudentT t = fit_student(errors, 1e-6);
  CHECK(t.scale == doctest::Approx(0.5).epsilon(0.03));
  CHECK(t.nu == doctest::Approx(4).epsilon(0.1));
  // No other parameters are better.
  const auto total = [&](const StudentT& s) {
    double sum = 0;
    for (const double e : errors) sum += s.nll(e);
    return sum;
  };
  for (const double factor : {0.97, 1.03}) {
    CHECK(total(t) < total({t.scale * factor, t.nu}));
    CHECK(total(t) < total({t.scale, t.nu * factor}));
  }
  CHECK(fit_student(Values(100, 0.0), 0.25).scale == 0.25);
}

TEST_CASE(
    "persistence's likelihood is that of the differences, and an LSTM without a say is the AR") {
  const Values x = Heart{.count = 20}.signal();
  unroll::default_generator() = unroll::Generator(1);
  Forecaster model({.kind = "lstm", .in = kInputs, .hidden = 4});
  model.head.bias.set_value(unroll::Tensor::zeros({2}));
  const Fitted fitted = fit_baselines(x);
  model.fitted.set_value(as_tensor(fitted));
  const AllScores all = score(model, x);
  for (std::size_t t = 1; t < x.size(); ++t) {
    CHECK(all.persistence.nll[t] ==
          doctest::Approx(fitted.persistence.nll(x[t] - x[t - 1])).epsilon(1e-12));
    CHECK(all.network.nll[t] == doctest::Approx(all.ar.nll[t]).epsilon(1e-4));
    CHECK(all.network.squared_error[t] == doctest::Approx(all.ar.squared_error[t]).epsilon(1e-4));
  }
  double mean = 0;
  for (std::size_t t = 1; t < x.size(); ++t)
    mean += all.ar.nll[t] / static_cast<double>(x.size() - 1);
  CHECK(window_loss(model, rows_of(x, fitted), 0, std::ssize(x)).item() ==
        doctest::Approx(mean).epsilon(1e-4));
}

TEST_CASE("a window with checkpoints has the loss and gradients of the whole one, for every kind") {
  const Values x = Heart{.count = 12}.signal();
  for (const std::string& kind : program::sequence_kinds()) {
    if (program::attends(kind)) continue;
    CAPTURE(kind);
    unroll::default_generator() = unroll::Generator(2);
    Forecaster model({.kind = kind, .in = kInputs, .hidden = 8});
    const Fitted fitted = fit_baselines(x);
    model.fitted.set_value(as_tensor(fitted));
    model.head.weight.set_value(unroll::Tensor::from({0.1, -0.2}, {2}).expand({8, 2}).contiguous());
    const Rows rows = rows_of(x, fitted);
    const auto gradients = [&](Index begin, Index chunk) {
      unroll::Tape tape;
      const Var loss = window_loss(model, rows, begin, std::ssize(x), chunk);
      const unroll::Gradients all = tape.backward(loss);
      Values out{loss.item()};
      for (const auto& p : nn::parameters(model))
        for (const double v : all[unroll::Param(p.param)].to_vector<double>()) out.push_back(v);
      return out;
    };
    for (const Index begin : {Index{0}, Index{77}}) {
      const Values whole = gradients(begin, 0);
      for (const Index chunk : {Index{400}, Index{97}, Index{100'000}}) {
        const Values parts = gradients(begin, chunk);
        REQUIRE(parts.size() == whole.size());
        double largest = 0, apart = 0;
        for (std::size_t i = 0; i < whole.size(); ++i) {
          largest = std::max(largest, std::abs(whole[i]));
          apart = std::max(apart, std::abs(parts[i] - whole[i]));
        }
        CHECK(apart < 1e-5 * largest);
      }
    }
  }
}

TEST_CASE("the paired difference of a constant gap is the gap, with no error") {
  Values a(1000, 1.0), b(1000, 0.75);
  const Difference d = difference(a, b, {100, 900}, 50);
  CHECK(d.mean == 0.25);
  CHECK(d.standard_error == 0);
}
