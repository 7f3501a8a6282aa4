#include <unroll/autograd/sequence/scan.h>
#include <unroll/nn/init.h>
#include <unroll/nn/scan.h>

#include <cmath>

namespace unroll::nn {
namespace {

Index checked_hidden(const char* name, Index in, Index hidden) {
  check(in >= 1 && hidden >= 1, "{}: in and hidden of at least 1 were required: got {} and {}",
        name, in, hidden);
  return hidden;
}

void check_step(const char* name, const Var& px, Index width, const Var& h, Index hidden) {
  check_defined(name, px);
  check_defined(name, h);
  check(px.rank() == 2 && px.shape()[1] == width, "{}: a step's input [B, {}] was required: got {}",
        name, width, px.shape());
  check(h.shape() == Shape({px.shape()[0], hidden}), "{}: a state [{}, {}] was required: got {}",
        name, px.shape()[0], hidden, h.shape());
}

// Rows of a value that was computed for the table of x, or for its rows.
Var rows_like(const Gathered& x, const Var& table) {
  return x.has_ids() ? Gathered(table, x.ids(), x.layout()).rows() : table;
}

Var block(const Var& px, Index hidden, Index i) { return narrow(px, -1, i * hidden, hidden); }

}  // namespace

// --- minGRU and minLSTM ---

MinCell::MinCell(Kind kind, const Options& o)
    : gates({.in = o.in,
             .out = product_of(name_of(kind), kind == Kind::gru ? 2 : 3,
                               checked_hidden(name_of(kind), o.in, o.hidden)),
             .bias = o.bias,
             .dtype = o.dtype}),
      hidden_(o.hidden),
      kind_(kind),
      positive_(o.positive) {
  if (o.learned_state) h0 = Param(Tensor::zeros({o.hidden}, o.dtype));
}

MinCell::State MinCell::step(const Var& px, const State& s) const {
  check_step(name_of(kind_), px, (kind_ == Kind::gru ? 2 : 3) * hidden_, s.h, hidden_);
  const auto [a, b] = kind_ == Kind::gru ? min_gru_coefficients(px, positive_)
                                         : min_lstm_coefficients(px, positive_);
  return {a * s.h + b};
}

std::pair<Var, MinCell::State> MinCell::run(const Gathered& x, const State& s,
                                            const UnrollOptions& options) const {
  const Var px = project(x.table());
  ScanOutput out;
  if (kind_ == Kind::gru) {  // its gates are fused into the scan
    out = min_gru_sequence(rows_like(x, px), s.h, x.layout(),
                           {.reverse = options.reverse, .positive = positive_});
  } else {
    const auto [a, b] = min_lstm_coefficients(px, positive_);
    out = scan(rows_like(x, a), rows_like(x, b), s.h, x.layout(), {.reverse = options.reverse});
  }
  return {std::move(out.rows), State{std::move(out.last)}};
}

MinCell::State MinCell::initial(Index batch) const {
  if (h0.defined()) return {expand(h0, {batch, hidden_})};
  return {Tensor::zeros({batch, hidden_}, gates.weight.dtype())};
}

// --- RG-LRU ---

namespace {

constexpr double kExponent = 8;  // c in the paper

// x [N, H] times a block-diagonal matrix of blocks w [G, H / G, H / G], + b: [N, H].
Var block_linear(const Var& x, const Var& w, const Var& b) {
  const Index rows = x.shape()[0], columns = x.shape()[1], blocks = w.shape()[0];
  if (blocks == 1) return linear(x, select(w, 0, 0), b);
  const Var parts = transpose(reshape(x, {rows, blocks, columns / blocks}), 0, 1);  // [G, N, H / G]
  return reshape(transpose(matmul(parts, w), 0, 1), {rows, columns}) + b;
}

// sqrt(1 - a^2) for log a, where 1 - a^2 = tanh(-log a) (1 + a^2) is accurate near a = 1. The
// derivative of the root is infinite at a = 1 and is stopped there.
Var input_scale(const Var& log_a, const Var& a) {
  return sqrt(clamp(tanh(-log_a) * (1.0 + square(a)), 1e-12, 1));
}

}  // namespace

RGLRUCell::RGLRUCell(const Options& o) : hidden_(o.hidden == 0 ? o.in : o.hidden) {
  checked_hidden("RGLRU", o.in, hidden_);
  check(o.blocks >= 1 && hidden_ % o.blocks == 0,
        "RGLRU: a number of blocks that divides hidden = {} was required: got {}", hidden_,
        o.blocks);
  if (hidden_ != o.in) in.emplace(Linear::Options{.in = o.in, .out = hidden_, .dtype = o.dtype});
  const Index width = hidden_ / o.blocks;
  const auto weight = [&] {
    return Param(normal({o.blocks, width, width}, 0, 1 / std::sqrt(static_cast<double>(width)),
                        {.dtype = o.dtype}));
  };
  wr = weight(), wi = weight();
  br = Param(Tensor::zeros({hidden_}, o.dtype)), bi = Param(Tensor::zeros({hidden_}, o.dtype));
  // a^(1 / r) = exp(-8 softplus(lambda)) is uniform in [0.9, 0.999].
  Tensor decay = uniform({hidden_}, 0.9, 0.999, {.dtype = f64});
  for (Index i = 0; i < hidden_; ++i)
    decay.set({i}, std::log(std::expm1(-std::log(decay.at({i})) / kExponent)));
  lambda = Param(decay.to(o.dtype));
}

// log a and i x of each row.
std::pair<Var, Var> RGLRUCell::decay_and_input(const In& x) const {
  const Var u = in ? (*in)(x) : *x;
  check_defined("RGLRU", u);
  check(u.rank() == 2 && u.shape()[1] == hidden_, "RGLRU: rows [N, {}] were required: got {}",
        hidden_, u.shape());
  const Var log_a = sigmoid(block_linear(u, wr, br)) * (softplus(lambda) * -kExponent);
  return {log_a, sigmoid(block_linear(u, wi, bi)) * u};
}

Var RGLRUCell::project(const In& x) const {
  auto [log_a, input] = decay_and_input(x);
  return concat({log_a, input}, 1);
}

RGLRUCell::State RGLRUCell::advance(const Var& log_a, const Var& input, const State& s) const {
  const Var a = exp(log_a), goes_on = 1.0 - s.begins;  // [B, H], [B, 1]
  const Var scale = s.begins + goes_on * input_scale(log_a, a);
  return {a * (goes_on * s.h) + scale * input, Tensor::zeros(s.begins.shape(), s.begins.dtype())};
}

RGLRUCell::State RGLRUCell::step(const Var& px, const State& s) const {
  check_step("RGLRU", px, 2 * hidden_, s.h, hidden_);
  return advance(block(px, hidden_, 0), block(px, hidden_, 1), s);
}

RGLRUCell::State RGLRUCell::operator()(const In& x, const State& s) const {
  const auto [log_a, input] = decay_and_input(x);
  check_step("RGLRU", log_a, hidden_, s.h, hidden_);
  return advance(log_a, input, s);
}

std::pair<Var, RGLRUCell::State> RGLRUCell::run(const Gathered& x, const State& s,
                                                const UnrollOptions& options) const {
  const SequenceLayout& layout = x.layout();
  auto [log_a, input] = decay_and_input(x.table());
  log_a = rows_like(x, log_a), input = rows_like(x, input);  // [N, H]
  // The first row of each sequence, in the order of the state.
  std::vector<Index> first;
  for (const Index b : layout.order()) first.push_back(layout.row(b, options.reverse ? -1 : 0));
  const IndexTensor rows(std::move(first));
  const Var a = exp(log_a), scale = input_scale(log_a, a);
  const Var missing =  // where a sequence begins its input is not scaled
      s.begins * (1.0 - index_select(scale, 0, rows)) * index_select(input, 0, rows);  // [B, H]
  ScanOutput out = scan(a, scale * input + index_add(missing, 0, rows, layout.rows()),
                        (1.0 - s.begins) * s.h, layout, {.reverse = options.reverse});
  return {std::move(out.rows),
          State{std::move(out.last), Tensor::zeros(s.begins.shape(), s.begins.dtype())}};
}

RGLRUCell::State RGLRUCell::initial(Index batch) const {
  return {Tensor::zeros({batch, hidden_}, wr.dtype()), Tensor::ones({batch, 1}, wr.dtype())};
}

// --- options of layers ---

namespace {

MinCellOptions cell_options(const MinOptions& o) {
  return {.in = o.in,
          .hidden = o.hidden,
          .bias = o.bias,
          .positive = o.positive,
          .learned_state = o.learned_state,
          .dtype = o.dtype};
}

}  // namespace

MinOptions::operator LayerOptions<MinGRUCell>() const {
  return detail::layer_options<MinGRUCell>(*this, cell_options(*this));
}
MinOptions::operator LayerOptions<MinLSTMCell>() const {
  return detail::layer_options<MinLSTMCell>(*this, cell_options(*this));
}
RGLRUOptions::operator LayerOptions<RGLRUCell>() const {
  // Later layers have another `in`: hidden is fixed here.
  return detail::layer_options<RGLRUCell>(
      *this, {.in = in, .hidden = hidden == 0 ? in : hidden, .blocks = blocks, .dtype = dtype});
}

}  // namespace unroll::nn
