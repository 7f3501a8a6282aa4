// A trained network with everything its forecasts need, as one model that can be saved and loaded.
//
// K columns.
#pragma once

#include "examples/common/model_file.h"
#include "examples/stock_price/fit.h"

namespace stock {

// The fitted parameters other than the network's.
struct Fitted {
  std::vector<Baselines> early,
      late;                    // [K] fitted on the training part; on training and validation part
  std::vector<double> prior;   // [K] Market::prior
  std::vector<double> shares;  // [K] of the network in the mixture with the baselines
  std::vector<double> garch_shares;  // [K] of GARCH in the mixture with EWMA
  // [K] mean nll on the validation part: of constant, ewma, garch (fitted on the training part) and
  // the network's forecast.
  std::array<std::vector<double>, 4> middle;
};

Tensor as_tensor(const Fitted& fitted);  // [K, values], f64
Fitted as_fitted(const Tensor& values);
inline constexpr Index kFittedValues = 23;  // per column

struct Model {
  Network network;
  unroll::Param fitted;  // [K, kFittedValues]

  Model(Index columns, const program::SequenceOptions& o)
      : network(columns, o), fitted(Tensor::zeros({columns, kFittedValues}, unroll::f64)) {
    fitted.set_trainable(false);
  }
  UNROLL_FIELDS(network, fitted)
};

std::vector<double> mean_nll(const std::vector<Score>& scores);

// The mixture of GARCH and EWMA, fitted on the training part.
Forecast beside_network(const Market& m, const Fitted& fitted);

// The mixture of the network and the baselines.
inline Forecast forecast(const Model& model, const Market& m) {
  const Fitted fitted = as_fitted(model.fitted.value());
  const Inputs in = inputs_of(m, fitted.early);
  return shared(forecast(model.network, m, in), beside_network(m, fitted), fitted.shares);
}

// Trains the network, with a checkpoint that has epochs from where it stopped, and fits the
// mixture.
inline program::Curves fit(Model& model, const Market& m, Fitted fitted, const Settings& settings,
                           const std::string& label, std::uint64_t seed,
                           program::Checkpoint* checkpoint) {
  const Inputs in = inputs_of(m, fitted.early);
  program::Curves curves = fit(model.network, m, in, settings, label, seed, checkpoint);
  const std::vector<Index>& middle = m.split.validation;
  const Forecast network = forecast(model.network, m, in);
  fitted.shares = shares(m, network, ewma_forecast(m, fitted.early), middle);
  const Forecast whole = shared(network, beside_network(m, fitted), fitted.shares);
  fitted.middle[3] = mean_nll(score(m, whole, middle));
  model.fitted.set_value(as_tensor(fitted));
  return curves;
}

// Stores in the model file which days were used for training and for early stopping, and reads it
// back as a split of a market.
unroll::Metadata days_of(const Market& m);
// Sets the split of `m` as stored in the file. False if it is unknown: then the split is empty.
bool split_by_model(Market& m, const unroll::Metadata& metadata);

// The names of the model's columns; empty if the file does not have them.
std::vector<std::string> columns_of(const unroll::Metadata& metadata);

}  // namespace stock
