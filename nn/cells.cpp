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
  check(o.layers == 1 && !o.bidirectional && o.dropout == 0 && o.variational_dropout == 0,
        "{} cell: one layer in one direction without dropout was required (nn::{} has them): got "
        "{} layers, bidirectional {}, dropout {} and {}",
        name, name, o.layers, o.bidirectional, o.dropout, o.variational_dropout);
}

// PyTorch's start: uniform within 1 / sqrt(H).
Param fresh(const Shape& shape, Index hidden, DType dtype) {
  const double bound = 1 / std::sqrt(static_cast<double>(hidden));
  return Param(uniform(shape, -bound, bound, {.dtype = dtype}));
}

// [H] for each of B rows, or zeros.
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

// One step's arguments: x [B, width], and each part of the state [B, its size].
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
  const Var z = px + matmul(s.h, wh);
  return {relu_ ? relu(z) : tanh(z)};
}

RNNCell::State RNNCell::advance(const In& x, const State& s) const {
  if (!plain()) return step(project(x), s);
  return {recurrent_step(kind(), {x.value(), wx.value(), value_of(b), wh.value(), nullptr,
                                  s.h.value(), nullptr})
              .first};
}

RNNCell::State RNNCell::initial(Index batch) const {
  return {start(h0, batch, hidden_, wx.dtype())};
}

std::pair<Var, RNNCell::State> RNNCell::run(const Var& x, const State& s,
                                            const SequenceLayout& layout, bool reverse) const {
  check_input("RNN", x, wx);
  auto out = recurrent_sequence(kind(), x, {wx, b, wh}, {s.h}, layout, reverse);
  return {out[0], {out[1]}};
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
  const Index h = hidden_;
  Var recurrent = matmul(s.h, wh);  // [B, 4H]
  if (gain_h.defined()) recurrent = layer_norm(recurrent, gain_h, Var());
  const Var z = px + recurrent;
  const auto gate = [&](Index k) { return narrow(z, 1, k * h, h); };
  const auto seen = [&](const Var& zk, Index k, const Var& c) {
    return peephole.defined() ? zk + select(peephole, 0, k) * c : zk;
  };
  const Var i = sigmoid(seen(gate(0), 0, s.c));
  const Var f = sigmoid(seen(gate(1), 1, s.c));
  const Var g = tanh(gate(2));
  const Var c = f * s.c + i * g;
  const Var o = sigmoid(seen(gate(3), 2, c));
  const Var out = o * tanh(gain_c.defined() ? layer_norm(c, gain_c, bias_c) : c);
  return {wp.defined() ? matmul(out, wp) : out, c};
}

LSTMCell::State LSTMCell::advance(const In& x, const State& s) const {
  if (!plain() || !can_run()) return step(project(x), s);
  auto [h, c] = recurrent_step(
      kernels::Recurrence::lstm,
      {x.value(), wx.value(), value_of(b), wh.value(), nullptr, s.h.value(), &s.c.value()});
  return {std::move(h), std::move(c)};
}

LSTMCell::State LSTMCell::initial(Index batch) const {
  return {start(h0, batch, output_, wx.dtype()), start(c0, batch, hidden_, wx.dtype())};
}

std::pair<Var, LSTMCell::State> LSTMCell::run(const Var& x, const State& s,
                                              const SequenceLayout& layout, bool reverse) const {
  check_input("LSTM", x, wx);
  auto out =
      recurrent_sequence(kernels::Recurrence::lstm, x, {wx, b, wh}, {s.h, s.c}, layout, reverse);
  return {out[0], {out[1], out[2]}};
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
  const Index h = hidden_;
  const auto block = [&](const In& v, Index from, Index count) {
    return narrow(v, 1, from * h, count * h);
  };
  if (reset_after_) {
    const Var hw = matmul(s.h, wh);  // [B, 3H]
    const Var rz = sigmoid(block(px, 0, 2) + block(hw, 0, 2));
    const Var r = block(rz, 0, 1), z = block(rz, 1, 1);
    Var hn = block(hw, 2, 1);
    if (bhn.defined()) hn = hn + bhn;
    const Var n = tanh(block(px, 2, 1) + r * hn);
    return {n + z * (s.h - n)};
  }
  const Var rz = sigmoid(block(px, 0, 2) + matmul(s.h, block(wh, 0, 2)));
  const Var r = block(rz, 0, 1), z = block(rz, 1, 1);
  const Var n = tanh(block(px, 2, 1) + matmul(r * s.h, block(wh, 2, 1)));
  return {n + z * (s.h - n)};
}

GRUCell::State GRUCell::advance(const In& x, const State& s) const {
  if (!plain() || !can_run()) return step(project(x), s);
  return {recurrent_step(kernels::Recurrence::gru, {x.value(), wx.value(), value_of(b), wh.value(),
                                                    value_of(bhn), s.h.value(), nullptr})
              .first};
}

GRUCell::State GRUCell::initial(Index batch) const {
  return {start(h0, batch, hidden_, wx.dtype())};
}

std::pair<Var, GRUCell::State> GRUCell::run(const Var& x, const State& s,
                                            const SequenceLayout& layout, bool reverse) const {
  check_input("GRU", x, wx);
  auto out =
      recurrent_sequence(kernels::Recurrence::gru, x, {wx, b, wh, bhn}, {s.h}, layout, reverse);
  return {out[0], {out[1]}};
}

}  // namespace unroll::nn
