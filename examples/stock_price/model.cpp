#include "examples/stock_price/model.h"

#include <unroll/tensor/error.h>

#include <charconv>

namespace stock {
namespace {

// Calls f with each number of a column, to write or to read it.
template <class FittedOrConst, class F>
void for_each_value(FittedOrConst& fitted, std::size_t j, F&& f) {
  for (auto* baselines : {&fitted.early[j], &fitted.late[j]}) {
    f(baselines->constant.variance), f(baselines->constant.nu), f(baselines->ewma.nu);
    auto& g = baselines->garch;
    f(g.mu), f(g.omega), f(g.alpha), f(g.beta), f(g.nu);
  }
  f(fitted.prior[j]), f(fitted.shares[j]), f(fitted.garch_shares[j]);
  for (auto& middle : fitted.middle) f(middle[j]);
}

// A hash of the prices of the first days, for files without dates. Fowler, Noll and Vo.
std::string hash_of(const Market& m, std::size_t days) {
  std::uint64_t hash = 14695981039346656037U;
  for (const auto& values : m.prices.values)
    for (std::size_t day = 0; day < std::min(days, values.size()); ++day)
      for (const char c : fmt::format("{} ", values[day]))
        hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return fmt::format("{:016x}", hash);
}

std::string found(const unroll::Metadata& metadata, const std::string& key) {
  const auto at = metadata.find(key);
  return at == metadata.end() ? "" : at->second;
}

}  // namespace

Tensor as_tensor(const Fitted& fitted) {
  std::vector<double> values;
  for (std::size_t j = 0; j < fitted.prior.size(); ++j)
    for_each_value(fitted, j, [&](double value) { values.push_back(value); });
  return Tensor::from(values, {static_cast<Index>(fitted.prior.size()), kFittedValues});
}

Fitted as_fitted(const Tensor& values) {
  const auto columns = static_cast<std::size_t>(values.shape()[0]);
  Fitted fitted;
  fitted.early.resize(columns), fitted.late.resize(columns);
  fitted.prior.resize(columns), fitted.shares.resize(columns);
  fitted.garch_shares.resize(columns);
  for (auto& middle : fitted.middle) middle.resize(columns);
  for (std::size_t j = 0; j < columns; ++j) {
    Index i = 0;
    for_each_value(fitted, j, [&](double& value) {
      value = values.at({static_cast<Index>(j), i++});
    });
  }
  return fitted;
}

Forecast beside_network(const Market& m, const Fitted& fitted) {
  return shared(garch_forecast(m, fitted.early), ewma_forecast(m, fitted.early),
                fitted.garch_shares);
}

std::vector<double> mean_nll(const std::vector<Score>& scores) {
  std::vector<double> out;
  for (const Score& s : scores) out.push_back(s.mean_nll);
  return out;
}

unroll::Metadata days_of(const Market& m) {
  const Index trained = m.split.validation.front(), fitted = m.split.test.front();
  unroll::Metadata out{{"rows_trained", fmt::format("{}", trained)},
                       {"rows_fitted", fmt::format("{}", fitted)}};
  if (m.prices.dates.empty()) {
    out["hash"] = hash_of(m, static_cast<std::size_t>(fitted) + 1);
  } else {
    out["trained_until"] = fmt::format("{}", m.prices.dates[static_cast<std::size_t>(trained)]);
    out["fitted_until"] = fmt::format("{}", m.prices.dates[static_cast<std::size_t>(fitted)]);
    out["last_fitted_day"] = m.prices.day(fitted);  // for a person
  }
  for (std::size_t j = 0; j < m.prices.names.size(); ++j)
    out[fmt::format("column.{}", j)] = m.prices.names[j];
  return out;
}

bool split_by_model(Market& m, const unroll::Metadata& metadata) {
  const auto number = [&](const char* key) {
    const std::string text = found(metadata, key);
    std::int64_t value = -1;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  };
  const bool dated = !m.prices.dates.empty();
  const Index trained = number("rows_trained"), fitted = number("rows_fitted");
  if (dated != metadata.contains("fitted_until")) return false;
  if (!dated &&
      (fitted < 0 || hash_of(m, static_cast<std::size_t>(fitted) + 1) != found(metadata, "hash")))
    return false;
  const std::int64_t trained_until = number("trained_until"), fitted_until = number("fitted_until");
  for (Index t = 0; t < m.rows(); ++t) {
    const std::int64_t day = dated ? m.prices.dates[static_cast<std::size_t>(t) + 1] : t;
    const bool in_training = dated ? day <= trained_until : t < trained,
               in_middle = dated ? day <= fitted_until : t < fitted;
    (in_training ? m.split.train : in_middle ? m.split.validation : m.split.test).push_back(t);
  }
  return true;
}

std::vector<std::string> columns_of(const unroll::Metadata& metadata) {
  std::vector<std::string> out;
  while (true) {
    const auto at = metadata.find(fmt::format("column.{}", out.size()));
    if (at == metadata.end()) return out;
    out.push_back(at->second);
  }
}

}  // namespace stock
