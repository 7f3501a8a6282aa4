// A trained network with all that its forecast needs, as one model that can be saved and loaded.
//
// K columns.
#pragma once

#include "examples/common/model_file.h"
#include "examples/stock_price/fit.h"

namespace stock {

// What was fitted beside the network.
struct Fitted {
  std::vector<Baselines> early, late;  // [K] on the training part; on that and the middle part
  std::vector<double> prior;           // [K] Market::prior
  std::vector<double> shares;          // [K] of the network beside what needs none
  std::vector<double> garch_shares;    // [K] of GARCH beside EWMA in that
  // [K] mean nll on the middle part: of constant, ewma, garch (fitted on the training part) and
  // the network's forecast.
  std::array<std::vector<double>, 4> middle;
};

Tensor as_tensor(const Fitted& fitted);  // [K, values], f64
Fitted as_fitted(const Tensor& values);
inline constexpr Index kFittedValues = 23;  // of a column

template <class Layer>
struct Model {
  Network<Layer> network;
  unroll::Param fitted;  // [K, kFittedValues]

  Model(Index columns, Index hidden)
      : network(columns, hidden), fitted(Tensor::zeros({columns, kFittedValues}, unroll::f64)) {
    fitted.set_trainable(false);
  }
  UNROLL_FIELDS(network, fitted)
};

std::vector<double> mean_nll(const std::vector<Score>& scores);

// What stands beside the network: GARCH and EWMA, fitted on the training part.
Forecast beside_network(const Market& m, const Fitted& fitted);

// The network's share and what stands beside it.
template <class Layer>
Forecast forecast(const Model<Layer>& model, const Market& m) {
  const Fitted fitted = as_fitted(model.fitted.value());
  const Inputs in = inputs_of(m, fitted.early);
  return shared(forecast(model.network, m, in), beside_network(m, fitted), fitted.shares);
}

template <class Layer>
program::Curves fit(Model<Layer>& model, const Market& m, Fitted fitted, const Settings& settings,
                    const std::string& label, std::uint64_t seed) {
  const Inputs in = inputs_of(m, fitted.early);
  program::Curves curves = fit(model.network, m, in, settings, label, seed);
  const std::vector<Index>& middle = m.split.validation;
  const Forecast network = forecast(model.network, m, in);
  fitted.shares = shares(m, network, ewma_forecast(m, fitted.early), middle);
  const Forecast whole = shared(network, beside_network(m, fitted), fitted.shares);
  fitted.middle[3] = mean_nll(score(m, whole, middle));
  model.fitted.set_value(as_tensor(fitted));
  return curves;
}

// What the model file says of the days that it was fitted on, and back: which rows of a market were
// trained on, which said when to stop, and which it has never seen.
unroll::Metadata days_of(const Market& m);
// The split of `m` by what the file says. False where that cannot be known: then it has no parts.
bool split_by_model(Market& m, const unroll::Metadata& metadata);

// The names of the model's columns; empty in a file that does not say.
std::vector<std::string> columns_of(const unroll::Metadata& metadata);

}  // namespace stock
