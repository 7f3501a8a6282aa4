#include "examples/stock_price/market.h"

#include <unroll/tensor/error.h>

#include <algorithm>
#include <cmath>

namespace stock {

using unroll::check_io;
using unroll::excerpt;

namespace {

constexpr double kMinVariance = 1e-10;  // of a variance: a price may stand still for weeks
constexpr double kPriorReturns = 5;     // so many returns the variance to begin with counts as
constexpr std::int64_t kDay = 86400;

double mean_square(const std::vector<double>& returns, const std::vector<Index>& rows) {
  double sum = 0, n = 0;
  for (const Index t : rows) {
    const double r = returns[static_cast<std::size_t>(t)];
    if (std::isnan(r)) continue;
    sum += r * r;
    ++n;
  }
  return std::max(n > 0 ? sum / n : 0, kMinVariance);
}

// With few returns behind it, a variance is their mean; later the oldest are forgotten.
std::vector<double> log_variances(const std::vector<double>& returns, double decay, double prior) {
  std::vector<double> out;
  double variance = prior, n = kPriorReturns;
  for (std::size_t t = 0; t <= returns.size(); ++t) {
    out.push_back(std::log(std::max(variance, kMinVariance)));
    if (t == returns.size() || std::isnan(returns[t])) continue;
    const double kept = std::min(decay, n / (n + 1));
    variance = kept * variance + (1 - kept) * returns[t] * returns[t];
    ++n;
  }
  return out;
}

// The day after the last: most files have none at the weekend.
std::int64_t day_after(const std::vector<std::int64_t>& dates) {
  std::vector<std::int64_t> gaps;
  bool weekends = false;
  for (std::size_t i = 0; i < dates.size(); ++i) {
    if (i > 0) gaps.push_back(dates[i] - dates[i - 1]);
    const std::int64_t weekday = ((dates[i] / kDay) % 7 + 7) % 7;  // 1970-01-01 was a Thursday
    weekends = weekends || weekday == 2 || weekday == 3;
  }
  if (gaps.empty()) return dates.back() + kDay;
  std::nth_element(gaps.begin(), gaps.begin() + static_cast<std::ptrdiff_t>(gaps.size() / 2),
                   gaps.end());
  std::int64_t next = dates.back() + gaps[gaps.size() / 2];
  const auto weekday = [&] { return ((next / kDay) % 7 + 7) % 7; };
  while (!weekends && (weekday() == 2 || weekday() == 3)) next += kDay;
  return next;
}

}  // namespace

std::string Market::day(Index t) const {
  if (t < rows()) return prices.day(t + 1);
  if (prices.dates.empty()) return fmt::format("day {}", t + 2);
  return unroll::data::date_text(time(t), {.with_time = prices.with_time});
}

std::int64_t Market::time(Index t) const {
  return t < rows() ? prices.dates[static_cast<std::size_t>(t) + 1] : day_after(prices.dates);
}

namespace {

// Prices, and the returns and last prices of them.
Market with_returns(Prices prices) {
  Market m;
  m.prices = std::move(prices);
  m.base = m.prices.values;
  for (auto& base : m.base) {
    std::vector<double> returns;
    for (std::size_t day = 1; day < base.size(); ++day) {
      returns.push_back(std::log(base[day] / base[day - 1]));
      if (std::isnan(base[day])) base[day] = base[day - 1];
    }
    m.returns.push_back(std::move(returns));
  }
  return m;
}

void add_variances(Market& m) {
  for (std::size_t d = 0; d < kDecays.size(); ++d)
    for (std::size_t j = 0; j < m.returns.size(); ++j)
      m.log_variance[d].push_back(log_variances(m.returns[j], kDecays[d], m.prior[j]));
}

void check_changes(const Market& m, const char* name, const std::vector<Index>& part) {
  for (std::size_t j = 0; j < m.returns.size(); ++j)
    check_io(std::any_of(
                 part.begin() + 1, part.end(),
                 [&](Index t) { return std::abs(m.returns[j][static_cast<std::size_t>(t)]) > 0; }),
             "{}: prices that change were required in column \"{}\": the {} of the {} part are "
             "all {}",
             m.prices.path, excerpt(m.prices.names[j]), part.size(), name,
             m.base[j][static_cast<std::size_t>(part.back()) + 1]);
}

}  // namespace

Market make_market(Prices prices, const std::vector<double>& prior) {
  Market m = with_returns(std::move(prices));
  m.prior = prior;
  add_variances(m);
  return m;
}

Market make_market(Prices prices) {
  Market m = with_returns(std::move(prices));
  m.split = unroll::data::chronological_split(m.rows(), {.train = 0.6, .validation = 0.2});
  check_changes(m, "training", m.split.train);
  check_changes(m, "middle", m.split.validation);
  check_changes(m, "test", m.split.test);
  for (const auto& returns : m.returns) m.prior.push_back(mean_square(returns, m.split.train));
  add_variances(m);
  return m;
}

int decimals_of(double price) {
  constexpr int kSignificant = 5, kMin = 2, kMax = 14;
  const int before = static_cast<int>(std::floor(std::log10(std::abs(price)))) + 1;
  return std::clamp(kSignificant - before, kMin, kMax);
}

}  // namespace stock
