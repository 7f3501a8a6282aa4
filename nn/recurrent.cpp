#include <unroll/nn/recurrent.h>

namespace unroll::nn {
namespace {

template <class C, class Options>
LayerOptions<C> layer_options(const Options& o, const typename C::Options& cell) {
  return {.cell = cell,
          .layers = o.layers,
          .bidirectional = o.bidirectional,
          .dropout = o.dropout,
          .variational_dropout = o.variational_dropout};
}

}  // namespace

RNNOptions::operator LayerOptions<RNNCell>() const {
  return layer_options<RNNCell>(*this, {.in = in,
                                        .hidden = hidden,
                                        .bias = bias,
                                        .relu = relu,
                                        .learned_state = learned_state,
                                        .dtype = dtype});
}
LSTMOptions::operator LayerOptions<LSTMCell>() const {
  return layer_options<LSTMCell>(*this, {.in = in,
                                         .hidden = hidden,
                                         .bias = bias,
                                         .forget_bias = forget_bias,
                                         .peephole = peephole,
                                         .layer_norm = layer_norm,
                                         .projection = projection,
                                         .learned_state = learned_state,
                                         .dtype = dtype});
}
GRUOptions::operator LayerOptions<GRUCell>() const {
  return layer_options<GRUCell>(*this, {.in = in,
                                        .hidden = hidden,
                                        .bias = bias,
                                        .reset_after = reset_after,
                                        .learned_state = learned_state,
                                        .dtype = dtype});
}

}  // namespace unroll::nn
