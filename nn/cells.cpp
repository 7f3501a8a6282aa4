#include <unroll/autograd/op.h>
#include <unroll/autograd/sequence/cells.h>
#include <unroll/autograd/sequence/recurrent.h>
#include <unroll/nn/cells.h>
#include <unroll/nn/init.h>
#include <unroll/tensor/recurrent.h>

#include <cmath>

namespace unroll::nn {
namespace {

template <class Options>
void check_options(const char* name, const Options& o) {
  check(o.in >= 1 && o.hidden >= 1, "{}: in and hidden of at least 1 were required: got {} and {}",
        name, o.in, o.hidden);
}

// PyTorch's initial values: uniform in +-1 / sqrt(H).
Param fresh(const Shape& shape, Index hidden, DType dtype) {
  const double bound = 1 / std::sqrt(static_cast<double>(hidden));
  return Param(uniform(shape, -bound, bound, {.dtype = dtype}));
}

// The learned state [H] repeated for B rows, or zeros: [B, H].
Var start(const Param& learned, Index batch, Index size, DType dtype) {
  if (learned.defined()) return expand(learned, {batch, size});
  return Tensor::zeros({batch, size}, dtype);
}

const Tensor* value_of(const Param& p) { return p.defined() ? &p.value() : nullptr; }

void check_input(const char* name, const In& x, const Param& wx) {
  check_defined(name, *x);
  check(x->rank() >= 1 && x->shape().back() == wx.shape()[0],
        "{}: inputs [.., {}] were required: got {}", name, wx.shape()[0], x->shape());
}

// Checks the arguments of one step: x [B, width], and each part of the state [B, its size].
void check_step(const char* name, const Var& x, Index width,
                std::initializer_list<std::pair<const Var*, Index>> state) {
  check_defined(name, x);
  check(x.rank() == 2 && x.shape()[1] == width, "{}: a step's input [B, {}] was required: got {}",
        name, width, x.shape());
  for (const auto& [part, size] : state) {
    check_defined(name, *part);
    check(part->rank() == 2 && part->shape()[0] == x.shape()[0] && part->shape()[1] == size,
          "{}: a state [{}, {}] was required: got {}", name, x.shape()[0], size, part->shape());
  }
}

// One step on plain tensors. Returns the next h; for an LSTM, next_c is set to the next c.
Tensor stepped(Recurrence kind, const In& x, const Param& wx, const Param& b, const Param& wh,
               const Param& bhn, const Var& h, const Var* c = nullptr, Tensor* next_c = nullptr) {
  auto [next, cell] = recurrent_step(kind, {x.value(), &wx.value(), value_of(b), wh.value(),
                                            value_of(bhn), h.value(), c ? &c->value() : nullptr});
  if (next_c) *next_c = std::move(cell);
  return std::move(next);  // moved, because structured bindings are copied
}

// The weights for a fused layer. Without ids it projects the rows itself; with ids, x is a table
// whose rows are projected here.
RecurrentWeights weights_for(const Gathered& x, const Param& wx, const Param& b, const Param& wh,
                             const Param& bhn = {}) {
  if (x.has_ids()) return {.wh = wh, .bhn = bhn};
  return {.wx = wx, .b = b, .wh = wh, .bhn = bhn};
}

}  // namespace

// --- RNN ---

RNNCell::RNNCell(const Options& o) : hidden_(o.hidden), relu_(o.relu) {
  check_options("RNN", o);
  wx = fresh({o.in, o.hidden}, o.hidden, o.dtype);
  wh = fresh({o.hidden, o.hidden}, o.hidden, o.dtype);
  if (o.bias) b = fresh({o.hidden}, o.hidden, o.dtype);
  if (o.learned_state) h0 = Param(Tensor::zeros({o.hidden}, o.dtype));
}

Var RNNCell::project(const In& x) const {
  check_input("RNN", x, wx);
  return linear(x, wx, b);
}

RNNCell::State RNNCell::step(const Var& px, const State& s) const {
  check_step("RNN", px, wx.shape()[1], {{&s.h, hidden_}});
  return {rnn_step(px, s.h, wh, {.relu = relu_})};
}

RNNCell::State RNNCell::operator()(const In& x, const State& s) const {
  if (!plain()) return step(project(x), s);
  return {stepped(relu_ ? Recurrence::rnn_relu : Recurrence::rnn_tanh, x, wx, b, wh, {}, s.h)};
}

RNNCell::State RNNCell::initial(Index batch) const {
  return {start(h0, batch, hidden_, wx.dtype())};
}

std::pair<Var, RNNCell::State> RNNCell::run(const Gathered& x, const State& s,
                                            const UnrollOptions& options) const {
  check_input("RNN", x.table(), wx);
  RecurrentOutput out =
      rnn_sequence(x.has_ids() ? project(x.table()) : x.table(), weights_for(x, wx, b, wh), s.h,
                   x.layout(), {.reverse = options.reverse, .relu = relu_, .ids = x.ids()});
  return {out.rows, {out.last[0]}};
}

// --- LSTM ---

LSTMCell::LSTMCell(const Options& o)
    : hidden_(o.hidden), output_(o.projection > 0 ? o.projection : o.hidden) {
  check_options("LSTM", o);
  check(o.projection >= 0 && o.projection < o.hidden,
        "LSTM: a projection below hidden ({}) was required: got {}", o.hidden, o.projection);
  const Index h = o.hidden, gates = product_of("LSTM", 4, h);
  wx = fresh({o.in, gates}, h, o.dtype);
  wh = fresh({output_, gates}, h, o.dtype);
  if (o.bias) {
    b = fresh({gates}, h, o.dtype);
    Tensor bias = b.value().clone();
    Tensor forget = bias.narrow(0, h, h);
    for (Index i = 0; i < h; ++i) forget.set({i}, forget.at({i}) + o.forget_bias);
    b.set_value(bias);
  }
  check(o.bias || o.forget_bias == 0,
        "LSTM: a bias was required for forget_bias {}: got .bias = false", o.forget_bias);
  if (o.projection > 0) wp = fresh({h, output_}, h, o.dtype);
  if (o.peephole) peephole = fresh({3, h}, h, o.dtype);
  if (o.layer_norm) {
    gain_x = Param(Tensor::ones({gates}, o.dtype));
    gain_h = Param(Tensor::ones({gates}, o.dtype));
    gain_c = Param(Tensor::ones({h}, o.dtype));
    bias_c = Param(Tensor::zeros({h}, o.dtype));
  }
  if (o.learned_state) {
    h0 = Param(Tensor::zeros({output_}, o.dtype));
    c0 = Param(Tensor::zeros({h}, o.dtype));
  }
}

Var LSTMCell::project(const In& x) const {
  check_input("LSTM", x, wx);
  if (!gain_x.defined()) return linear(x, wx, b);
  const Var z = layer_norm(matmul(x, wx), gain_x, Var());
  return b.defined() ? z + b : z;
}

LSTMCell::State LSTMCell::step(const Var& px, const State& s) const {
  check_step("LSTM", px, wx.shape()[1], {{&s.h, output_}, {&s.c, hidden_}});
  auto [h, c] = lstm_step(px, s.h, s.c, wh,
                          {.projection = wp,
                           .peephole = peephole,
                           .gain_h = gain_h,
                           .gain_c = gain_c,
                           .bias_c = bias_c});
  return {std::move(h), std::move(c)};
}

LSTMCell::State LSTMCell::operator()(const In& x, const State& s) const {
  if (!plain() || !can_run()) return step(project(x), s);
  Tensor c;
  Tensor h = stepped(Recurrence::lstm, x, wx, b, wh, {}, s.h, &s.c, &c);
  return {std::move(h), std::move(c)};
}

LSTMCell::State LSTMCell::initial(Index batch) const {
  return {start(h0, batch, output_, wx.dtype()), start(c0, batch, hidden_, wx.dtype())};
}

std::pair<Var, LSTMCell::State> LSTMCell::run(const Gathered& x, const State& s,
                                              const UnrollOptions& options) const {
  check_input("LSTM", x.table(), wx);
  RecurrentOutput out =
      lstm_sequence(x.has_ids() ? project(x.table()) : x.table(), weights_for(x, wx, b, wh), s.h,
                    s.c, x.layout(), {.reverse = options.reverse, .ids = x.ids()});
  return {out.rows, {out.last[0], out.last[1]}};
}

// --- GRU ---

GRUCell::GRUCell(const Options& o) : hidden_(o.hidden), reset_after_(o.reset_after) {
  check_options("GRU", o);
  const Index h = o.hidden, gates = product_of("GRU", 3, h);
  wx = fresh({o.in, gates}, h, o.dtype);
  wh = fresh({h, gates}, h, o.dtype);
  if (o.bias) {
    b = fresh({gates}, h, o.dtype);
    if (o.reset_after) bhn = fresh({h}, h, o.dtype);
  }
  if (o.learned_state) h0 = Param(Tensor::zeros({h}, o.dtype));
}

Var GRUCell::project(const In& x) const {
  check_input("GRU", x, wx);
  return linear(x, wx, b);
}

GRUCell::State GRUCell::step(const Var& px, const State& s) const {
  check_step("GRU", px, wx.shape()[1], {{&s.h, hidden_}});
  return {gru_step(px, s.h, wh, bhn, {.reset_after = reset_after_})};
}

GRUCell::State GRUCell::operator()(const In& x, const State& s) const {
  if (!plain() || !can_run()) return step(project(x), s);
  return {stepped(Recurrence::gru, x, wx, b, wh, bhn, s.h)};
}

GRUCell::State GRUCell::initial(Index batch) const {
  return {start(h0, batch, hidden_, wx.dtype())};
}

std::pair<Var, GRUCell::State> GRUCell::run(const Gathered& x, const State& s,
                                            const UnrollOptions& options) const {
  check_input("GRU", x.table(), wx);
  RecurrentOutput out =
      gru_sequence(x.has_ids() ? project(x.table()) : x.table(), weights_for(x, wx, b, wh, bhn),
                   s.h, x.layout(), {.reverse = options.reverse, .ids = x.ids()});
  return {out.rows, {out.last[0]}};
}

}  // namespace unroll::nn
