// Training of the network, and its forecast.
//
// T rows, K columns, B windows in a batch.
#pragma once

#include "examples/common/training.h"
#include "examples/stock_price/features.h"
#include "examples/stock_price/network.h"

namespace stock {

struct Settings {
  Index hidden = 16, epochs = 40, patience = 12;
  double lr = 1e-3, weight_decay = 0.02;
  Index batch = 32;
  Index most_batches = 80;  // in an epoch
  Index window = 60;        // days; the initial state is zero, so the first `warm` have no loss
  Index warm = 20;

  // The network's layer. A transformer sees as many days as in training.
  program::SequenceOptions layer(const std::string& kind) const {
    return {.kind = kind, .hidden = hidden, .window = kind == "transformer" ? window : 0};
  }
};

// The network's outputs in one pass over all rows: output t forecasts row t + 1.
inline Var read_all(const Network& network, const Tensor& x) {
  return network(nn::Sequence(x, unroll::SequenceLayout::equal(1, x.shape()[0])));
}

// Mean negative log-likelihood of the returns that are present.
inline Var mean_loss(const Var& outputs, const Var& nu, const Tensor& log_ewma,
                     const Tensor& returns, const Tensor& present) {
  const Var losses = negative_log_likelihood(distribution(outputs, log_ewma), nu, returns);
  return sum(losses * present) / std::max(unroll::sum(present).item(), 1.0);
}

inline program::Curves fit(Network& network, const Market& m, const Inputs& in, const Settings& s,
                           const std::string& label, std::uint64_t seed,
                           program::Checkpoint* checkpoint) {
  unroll::Generator random(seed);
  unroll::optim::AdamW adam(nn::parameters(network),
                            {.lr = s.lr,
                             .weight_decay = s.weight_decay,
                             .groups = program::without_decay(network.layer.options())});
  const Index batches =
      std::clamp<Index>(static_cast<Index>(m.split.train.size()) / s.batch, 1, s.most_batches);
  const Index first = s.window - 1,
              last = m.split.train.back() - 1;  // range of the last row of a window

  const auto epoch = [&] {
    double sum = 0;
    for (Index i = 0; i < batches && !program::interrupted(); ++i) {
      std::vector<Index> ends, next;
      for (Index b = 0; b < s.batch; ++b) {
        ends.push_back(first + random.below(last - first + 1));
        next.push_back(ends.back() + 1);
      }
      // The rows with a loss, after the first `warm` steps of the windows.
      const auto target = [&](const Tensor& of_all) {
        return unroll::data::windows_ending_at(of_all, next, s.window)
            .rows.narrow(0, s.warm * s.batch, (s.window - s.warm) * s.batch);
      };
      const auto seen = unroll::data::windows_ending_at(in.features, ends, s.window);
      unroll::Tape tape;
      const Var outputs = narrow(network({seen.rows, seen.layout}), 0, s.warm * s.batch,
                                 (s.window - s.warm) * s.batch);
      const Var loss = mean_loss(outputs, network.nu(), target(in.log_ewma), target(in.returns),
                                 target(in.present));
      unroll::Gradients g = tape.backward(loss);
      unroll::optim::clip_norm(g, 1);
      adam.step(g);
      sum += loss.item();
    }
    return sum / static_cast<double>(batches);
  };
  const auto validate = [&] {
    const Index from = m.split.validation.front(),
                rows = static_cast<Index>(m.split.validation.size());
    // Read from the first row on, for the state, and to the end of the validation part.
    const Var outputs =
        narrow(read_all(network, in.features.narrow(0, 0, from + rows - 1)), 0, from - 1, rows);
    return mean_loss(outputs, network.nu(), in.log_ewma.narrow(0, from, rows),
                     in.returns.narrow(0, from, rows), in.present.narrow(0, from, rows))
        .item();
  };
  return program::train(network,
                        {.label = label,
                         .epochs = s.epochs,
                         .patience = s.patience,
                         .optimizer = &adam,
                         .random = &random,
                         .checkpoint = checkpoint},
                        epoch, validate);
}

// The network's own forecast of every row.
inline Forecast forecast(const Network& network, const Market& m, const Inputs& in) {
  const Index rows = m.rows();
  const Distribution d =
      distribution(read_all(network, in.features), in.log_ewma.narrow(0, 1, rows));
  // There is no row before the first one: EWMA only.
  return network_forecast(m, d.mean.value(), d.log_variance.value(), network.nu().value());
}

}  // namespace stock
