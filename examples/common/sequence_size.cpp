#include "examples/common/sequence_size.h"

#include <unroll/tensor/error.h>

#include <cmath>

namespace program {
namespace {

constexpr Index kMostLayers = 100;

double linear(double in, double out) { return in * out + out; }

// A stack of recurrent layers in one direction or both, with products of the state or without.
struct Recurrent {
  double gates;
  bool of_state;
  double more_biases;

  double operator()(const SequenceOptions& o) const {
    const auto h = static_cast<double>(o.hidden);
    const double directions = o.bidirectional ? 2 : 1;
    const auto layer = [&](double in) {
      return gates * linear(in, h) + (of_state ? gates * h * h : 0) + more_biases * h;
    };
    return directions * (layer(static_cast<double>(o.in)) +
                         static_cast<double>(layers_of(o) - 1) * layer(directions * h));
  }
};

double griffin_block(double h) {
  constexpr double kTaps = 4;
  const double norm = h, conv = linear(kTaps, h), rg_lru = 2 * linear(h, h) + h;
  return norm + 3 * linear(h, h) + conv + rg_lru;
}

double mamba_block(double h) {
  constexpr double kTaps = 4, kState = 16;
  const double e = 2 * h, rank = std::ceil(h / 16), norm = h, conv = linear(kTaps, e);
  const double scan = e * (rank + 2 * kState) + linear(rank, e) + e * kState + e;
  return norm + h * 2 * e + conv + scan + e * h;
}

double transformer_layer(double h, double f) {
  const double norms = 4 * h;
  return linear(h, 3 * h) + linear(h, h) + linear(h, f) + linear(f, h) + norms;
}

}  // namespace

double parameters_of(const SequenceOptions& o) {
  const auto layers = static_cast<double>(layers_of(o)), h = static_cast<double>(o.hidden);
  if (o.kind == "rnn") return Recurrent{1, true, 0}(o);
  if (o.kind == "lstm") return Recurrent{4, true, 0}(o);
  if (o.kind == "gru") return Recurrent{3, true, 1}(o);
  if (o.kind == "mingru") return Recurrent{2, false, 0}(o);
  if (o.kind == "minlstm") return Recurrent{3, false, 0}(o);
  const double input = o.in != o.hidden ? linear(static_cast<double>(o.in), h) : 0;
  if (attends(o.kind)) {
    const double f = o.feed_forward > 0 ? static_cast<double>(o.feed_forward) : 4 * h;
    return input + layers * transformer_layer(h, f) + 2 * h;
  }
  const double block = o.kind == "mamba" ? mamba_block(h) : griffin_block(h);
  return input + (o.bidirectional ? 2 : 1) * (layers * block + h);
}

void check_sizes(const std::string& path, const ModelFile& file, const SequenceOptions& o,
                 double others) {
  unroll::check_io(
      o.hidden >= 1 && o.hidden <= kMaxHidden && o.layers >= 0 && o.layers <= kMostLayers,
      "{}: 1 to {} units and up to {} layers were required: got {} and {}", path, kMaxHidden,
      kMostLayers, o.hidden, o.layers);
  unroll::check_io(o.in >= 1 && o.feed_forward >= 0,
                   "{}: inputs of at least 1 column were required: got {}", path, o.in);
  check_values(path, file, parameters_of(o) + others);
}

}  // namespace program
