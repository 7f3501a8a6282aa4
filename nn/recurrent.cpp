#include <unroll/nn/recurrent.h>

namespace unroll::nn {

RNNOptions::operator LayerOptions<RNNCell>() const {
  return detail::layer_options<RNNCell>(*this, {.in = in,
                                                .hidden = hidden,
                                                .bias = bias,
                                                .relu = relu,
                                                .learned_state = learned_state,
                                                .dtype = dtype});
}
LSTMOptions::operator LayerOptions<LSTMCell>() const {
  return detail::layer_options<LSTMCell>(*this, {.in = in,
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
  return detail::layer_options<GRUCell>(*this, {.in = in,
                                                .hidden = hidden,
                                                .bias = bias,
                                                .reset_after = reset_after,
                                                .learned_state = learned_state,
                                                .dtype = dtype});
}

}  // namespace unroll::nn
