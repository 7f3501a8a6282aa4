// The network: a recurrent layer that corrects EWMA.
//
// With the day's EWMA variance v, the network's outputs a and b, and return r:
//
//   mean = a sqrt(v),   log variance = log v + b,   a = b = 0 before training.
//
// From nothing, a network has to learn from a thousand days what EWMA knows beforehand, and loses
// to it. As a correction it starts with EWMA's likelihood, and each step can only be one away from
// there; early stopping keeps the best. What it reads is in the same units: returns over the
// deviation that EWMA expected of them.
//
// T days, K indexes, B windows in a batch.
#pragma once

#include "examples/common/training.h"
#include "examples/stock_price/forecast.h"

#include <unroll/unroll.h>

#include <numbers>

namespace stock {

namespace nn = unroll::nn;
using unroll::Var;

template <class Layer>
struct Network {
  Layer layer;
  nn::Dropout dropout;
  nn::Linear head;

  Network(Index indexes, Index hidden)
      : layer({.in = 2 * indexes, .hidden = hidden}),
        dropout({.p = 0.2}),
        head({.in = hidden, .out = 2 * indexes}) {
    head.weight.set_value(Tensor::zeros(head.weight.shape()));  // it starts as EWMA
    head.bias.set_value(Tensor::zeros(head.bias.shape()));
  }
  UNROLL_FIELDS(layer, head)

  // The K numbers a and the K numbers b of the day after each row, [N, 2 K].
  Var operator()(const nn::Sequence& x) const { return head(dropout(layer(x).sequence.rows)); }
};

// What is read on day t: the returns in units of the deviation expected of them, and the logarithm
// of their size, about centred.
inline Tensor features(const Market& m) {
  const Tensor deviation = exp(mul(m.log_ewma.narrow(0, 0, m.days()), 0.5));
  const Tensor z = clamp(div(m.returns, deviation), -20, 20).value();
  const Tensor size = mul(add(log(add(square(z), 0.1)), 0.6), 0.5);
  return concat(std::vector<Tensor>{z, size}, 1);  // [T, 2 K]
}

// The means and log variances that the outputs stand for, [N, K] each.
inline std::pair<Var, Var> distribution(const Var& outputs, const Tensor& log_ewma) {
  const Index k = log_ewma.shape()[1];
  return {narrow(outputs, 1, 0, k) * exp(mul(log_ewma, 0.5)), narrow(outputs, 1, k, k) + log_ewma};
}

inline Var negative_log_likelihood(const Var& outputs, const Tensor& log_ewma,
                                   const Tensor& returns) {
  const auto [mean, log_variance] = distribution(outputs, log_ewma);
  return (log_variance + square(returns - mean) * exp(-log_variance) +
          std::log(2 * std::numbers::pi)) *
         0.5;
}

struct Settings {
  Index hidden = 16, epochs = 40, patience = 12;
  double lr = 1e-3, weight_decay = 0.02;
  Index batch = 32;
  Index window = 60;  // days; the state begins at zero, so the first `warm` are not learned from
  Index warm = 20;
};

// The network's output in one pass over the file: row t is about day t + 1, from days 0 .. t.
template <class Layer>
Var read_all(const Network<Layer>& network, const Tensor& x) {
  return network(nn::Sequence(x, unroll::SequenceLayout::equal(1, x.shape()[0])));
}

template <class Layer>
Forecast forecast(const Network<Layer>& network, const Market& m) {
  const Index days = m.days();
  const auto [mean, log_variance] =
      distribution(read_all(network, features(m)), m.log_ewma.narrow(0, 1, days));
  // Nothing stands before the first day: EWMA alone.
  return {concat(std::vector<Tensor>{Tensor::zeros({1, m.indexes()}), mean.value()}),
          concat(std::vector<Tensor>{m.log_ewma.narrow(0, 0, 1), log_variance.value()})};
}

template <class Layer>
program::Curves fit(Network<Layer>& network, const Market& m, const Settings& s,
                    const std::string& label, std::uint64_t seed) {
  const Tensor x = features(m);
  unroll::Generator random(seed);
  unroll::optim::AdamW adam(nn::parameters(network), {.lr = s.lr, .weight_decay = s.weight_decay});
  const auto batches = std::max<Index>(1, static_cast<Index>(m.split.train.size()) / s.batch);
  const Index first = s.window - 1, last = m.split.train.back() - 1;  // days a window may end on

  const auto epoch = [&] {
    double sum = 0;
    for (Index i = 0; i < batches && !program::interrupted(); ++i) {
      std::vector<Index> ends, next;
      for (Index b = 0; b < s.batch; ++b) {
        ends.push_back(first + random.below(last - first + 1));
        next.push_back(ends.back() + 1);
      }
      const auto seen = unroll::data::windows_ending_at(x, ends, s.window);
      const Tensor returns = unroll::data::windows_ending_at(m.returns, next, s.window).rows,
                   ewma = unroll::data::windows_ending_at(m.log_ewma, next, s.window).rows;
      unroll::Tape tape;
      const Var losses = negative_log_likelihood(network({seen.rows, seen.layout}), ewma, returns);
      const Var loss = mean(narrow(losses, 0, s.warm * s.batch, (s.window - s.warm) * s.batch));
      unroll::Gradients g = tape.backward(loss);
      unroll::optim::clip_norm(g, 1);
      adam.step(g);
      sum += loss.item();
    }
    return sum / static_cast<double>(batches);
  };
  const auto validate = [&] {
    const Index from = m.split.validation.front(),
                days = static_cast<Index>(m.split.validation.size());
    // Read from the first day on, for the state; no day after the middle part is looked at.
    const Var outputs =
        narrow(read_all(network, x.narrow(0, 0, from + days - 1)), 0, from - 1, days);
    return mean(negative_log_likelihood(outputs, m.log_ewma.narrow(0, from, days),
                                        m.returns.narrow(0, from, days)))
        .item();
  };
  return program::train(network, {label, s.epochs, s.patience}, epoch, validate);
}

}  // namespace stock
