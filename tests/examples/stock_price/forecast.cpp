// The parts of stock_price: distributions, fits, returns, what the network is.
#include "examples/stock_price/features.h"
#include "examples/stock_price/minimise.h"
#include "examples/stock_price/network.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace stock;
using doctest::Approx;
using unroll::Generator;

namespace {

Prices prices_of(const std::vector<std::vector<double>>& values) {
  Prices p;
  p.values = values;
  for (std::size_t j = 0; j < values.size(); ++j) p.names.push_back(fmt::format("c{}", j));
  return p;
}

// A series whose variance follows GARCH(1,1) with these numbers, and normal shocks.
std::vector<double> garch_prices(Index days, const Baselines::Garch& g, std::uint64_t seed) {
  Generator random(seed);
  const Tensor shocks = random.normal({days}, 0, 1, unroll::f64);
  std::vector<double> out{100};
  double h = g.omega / (1 - g.alpha - g.beta);
  for (Index t = 0; t < days; ++t) {
    const double e = std::sqrt(h) * shocks.at({t});
    out.push_back(out.back() * std::exp(g.mu + e));
    h = g.omega + g.alpha * e * e + g.beta * h;
  }
  return out;
}

}  // namespace

TEST_CASE("Student's t distribution equals its closed forms") {
  // nu = 4 has one: F(t) = 1/2 + 3/8 t / s (1 - t^2 / (12 s^2)), s = sqrt(1 + t^2 / 4).
  for (double x = -6; x <= 6; x += 0.37) {
    const StudentT four{0.5, std::log(2.0), 4};
    const double t = (x - 0.5) / std::sqrt(2.0 * 2 / 4), s = std::sqrt(1 + t * t / 4);
    CHECK(four.cdf(x) == Approx(0.5 + 0.375 * t / s * (1 - t * t / (12 * s * s))));
    const StudentT normal{0, 0, 1e6};
    CHECK(normal.cdf(x) == Approx(0.5 * std::erfc(-x / std::sqrt(2.0))));
    CHECK(normal.log_density(x) == Approx(-0.5 * (std::log(2 * std::numbers::pi) + x * x)));
    CHECK(StudentT{0, 0, 9999}.cdf(x) == Approx(normal.cdf(x)).epsilon(1e-3));
  }
}

TEST_CASE(
    "a mixture's density is the derivative of its distribution function, and quantiles invert it") {
  Generator g(1);
  for (int round = 0; round < 30; ++round) {
    Mixture mixture;
    const auto uniform = [&](double low, double high) {
      return low + (high - low) * static_cast<double>(g.below(1000)) / 1000;
    };
    const double weight = uniform(0, 1);
    for (const double w : {weight, 1 - weight})
      mixture.parts.push_back({w, {uniform(-1, 1), uniform(-2, 2), 2.1 + uniform(0.1, 30)}});
    const double x = uniform(-3, 3), step = 1e-5;
    CHECK((mixture.cdf(x + step) - mixture.cdf(x - step)) / (2 * step) ==
          Approx(std::exp(mixture.log_density(x))).epsilon(1e-5));
    for (const double p : {0.025, 0.3, 0.975}) CHECK(mixture.cdf(mixture.quantile(p)) == Approx(p));
  }
}

TEST_CASE("minimise finds a minimum without derivatives, also along a curved valley") {
  const Minimum found = minimise(
      [](const std::vector<double>& x) {
        return 100 * std::pow(x[1] - x[0] * x[0], 2) + std::pow(1 - x[0], 2);
      },
      {-1.2, 1}, {0.5, 0.5}, 1000);
  CHECK(found.x[0] == Approx(1).epsilon(1e-3));
  CHECK(found.x[1] == Approx(1).epsilon(1e-3));
}

TEST_CASE("GARCH(1,1) recovers the parameters of a simulated series") {
  const Baselines::Garch made{0.0005, 2e-6, 0.1, 0.88, 0};
  const Market m = make_market(prices_of({garch_prices(8000, made, 7)}));
  const Baselines::Garch found = fit_baselines(m, m.rows())[0].garch;
  CHECK(found.alpha == Approx(made.alpha).epsilon(0.2));
  CHECK(found.beta == Approx(made.beta).epsilon(0.05));
  CHECK(found.omega == Approx(made.omega).epsilon(0.5));
  CHECK(std::abs(found.mu - made.mu) < 3e-4);
  CHECK(found.nu > 15);  // the shocks were normal
  const std::vector<Baselines> fitted = fit_baselines(m, m.split.test.front());
  CHECK(score(m, garch_forecast(m, fitted), m.split.test)[0].mean_nll <
        score(m, ewma_forecast(m, fitted), m.split.test)[0].mean_nll);
  CHECK(score(m, garch_forecast(m, fitted), m.split.test)[0].coverage ==
        Approx(0.95).epsilon(0.015));
}

TEST_CASE("a day without a price is not scored and does not change the variance") {
  const std::vector<double> whole = garch_prices(400, {0, 2e-6, 0.1, 0.88, 0}, 3);
  std::vector<double> other = garch_prices(400, {0, 2e-6, 0.1, 0.88, 0}, 4), gaps, kept;
  for (std::size_t day = 0; day < whole.size(); ++day) {
    const bool holiday = day % 7 == 3;
    gaps.push_back(holiday ? NAN : whole[day]);
    if (!holiday) kept.push_back(whole[day]);
  }
  const Market joined = make_market(prices_of({gaps, other}), {1e-4, 1e-4}),
               alone = make_market(prices_of({kept}), {1e-4});
  std::vector<double> returns;
  for (const double r : joined.returns[0])
    if (!std::isnan(r)) returns.push_back(r);
  REQUIRE(returns.size() == alone.returns[0].size());
  for (std::size_t t = 0; t < returns.size(); ++t) CHECK(returns[t] == Approx(alone.returns[0][t]));
  for (std::size_t d = 0; d < kDecays.size(); ++d)
    CHECK(joined.log_variance[d][0].back() == Approx(alone.log_variance[d][0].back()));
  const Baselines::Garch g{0, 2e-6, 0.1, 0.88, 6};
  CHECK(garch_log_variance(joined.returns[0], g).back() ==
        Approx(garch_log_variance(alone.returns[0], g).back()));
  std::vector<Index> all;
  for (Index t = 0; t < joined.rows(); ++t) all.push_back(t);
  const std::vector<Baselines> fitted{{{1e-4, 5}, {5}, g}, {{1e-4, 5}, {5}, g}};
  CHECK(score(joined, ewma_forecast(joined, fitted), all)[0].nll.size() == returns.size());
  const Inputs in = inputs_of(joined, fitted);
  CHECK(in.present.at({2, 0}) == 0);
  CHECK(in.returns.at({2, 0}) == 0);
  CHECK(in.present.at({2, 1}) == 1);
}

TEST_CASE("a forecast depends on earlier days only") {
  std::vector<double> prices = garch_prices(300, {0, 2e-6, 0.1, 0.88, 0}, 5);
  const Baselines::Garch g{0, 2e-6, 0.1, 0.88, 6};
  const std::vector<Baselines> fitted{{{1e-4, 5}, {5}, g}};
  const Market before = make_market(prices_of({prices}), {1e-4});
  for (std::size_t day = 201; day < prices.size(); ++day) prices[day] *= 1.5;
  const Market after = make_market(prices_of({prices}), {1e-4});
  const Inputs a = inputs_of(before, fitted), b = inputs_of(after, fitted);
  for (Index t = 0; t <= 200; ++t) {  // row 200 is the return of day 201
    CHECK(a.log_ewma.at({t, 0}) == b.log_ewma.at({t, 0}));
    CHECK(garch_forecast(before, fitted).at(t, 0).variance() ==
          garch_forecast(after, fitted).at(t, 0).variance());
    for (Index f = 0; f < kFeatures && t < 200; ++f)
      CHECK(a.features.at({t, f}) == b.features.at({t, f}));
  }
  CHECK(a.log_ewma.at({201, 0}) != b.log_ewma.at({201, 0}));
}

TEST_CASE(
    "the network's likelihood is Student's t, and its forecast before training equals EWMA's") {
  for (const double x : {0.3, 1.0, 2.5, 10.0, 300.0})
    CHECK(log_gamma(Var(Tensor::scalar(x, unroll::f64))).item() ==
          Approx(std::lgamma(x)).epsilon(1e-7));
  const Market m = make_market(prices_of({garch_prices(300, {0, 2e-6, 0.1, 0.88, 0}, 6)}));
  const std::vector<Baselines> fitted = fit_baselines(m, m.split.test.front());
  const Inputs in = inputs_of(m, fitted);
  unroll::manual_seed(1);
  const Network network(1, {.kind = "gru", .hidden = 4});
  const Var outputs =
      network(nn::Sequence(in.features, unroll::SequenceLayout::equal(1, m.rows())));
  const Distribution d = distribution(outputs, in.log_ewma.narrow(0, 1, m.rows()));
  const double nu = network.nu().value().at({0});
  const Tensor nll = negative_log_likelihood(d, network.nu(), in.returns).value();
  for (Index t = 0; t < m.rows(); ++t) {
    CHECK(d.mean.value().at({t, 0}) == 0);
    CHECK(d.log_variance.value().at({t, 0}) == in.log_ewma.at({t + 1, 0}));
    const StudentT expected{0, d.log_variance.value().at({t, 0}), nu};
    CHECK(nll.at({t, 0}) == Approx(-expected.log_density(in.returns.at({t, 0}))).epsilon(1e-4));
  }
}

TEST_CASE("a network without a higher likelihood than EWMA gets no share in the forecast") {
  const Baselines::Garch made{0, 4e-6, 0.2, 0.7, 0};
  const Market m = make_market(prices_of({garch_prices(3000, made, 8)}));
  const std::vector<Baselines> fitted = fit_baselines(m, m.split.validation.front());
  const Forecast ewma = ewma_forecast(m, fitted), right = garch_forecast(m, fitted),
                 wrong = constant_forecast(m, {{{1e-2, 3}, {3}, {}}});
  const std::vector<Index>& middle = m.split.validation;
  CHECK(shares(m, wrong, ewma, middle)[0] == 0);
  CHECK(shares(m, right, ewma, middle)[0] > 0.5);
  const Forecast mixed = shared(right, ewma, {0.25});
  CHECK(mixed.at(5, 0).variance() ==
        Approx(0.25 * right.at(5, 0).variance() + 0.75 * ewma.at(5, 0).variance()).epsilon(0.01));
  const Difference d = difference(score(m, right, middle)[0], score(m, ewma, middle)[0]),
                   back = difference(score(m, ewma, middle)[0], score(m, right, middle)[0]);
  CHECK(d.mean < 0);
  CHECK(d.mean == Approx(-back.mean));
  CHECK(d.standard_error == Approx(back.standard_error));
}

TEST_CASE("a price is shown with the decimals that its size needs") {
  CHECK(decimals_of(69507.2) == 2);
  CHECK(decimals_of(112.31) == 2);
  CHECK(decimals_of(11.2) == 3);
  CHECK(decimals_of(1.1123) == 4);
  CHECK(decimals_of(0.01234) == 6);
  CHECK(decimals_of(0.00001234) == 9);
}
