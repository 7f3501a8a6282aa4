// Causal depthwise convolution as one fused op. The gradient of x is a convolution with the same
// taps in the opposite direction.
#include <unroll/autograd/fused.h>
#include <unroll/autograd/ops.h>
#include <unroll/autograd/sequence/conv.h>
#include <unroll/autograd/sequence/scan.h>
#include <unroll/tensor/kernels/conv.h>

namespace unroll {
namespace {

const Op conv_op{"causal_conv1d"};

enum Input { kX, kW, kBias, kState };

struct Call {
  SequenceLayout layout;
  bool reverse;
  kernels::Steps steps() const { return {layout.offsets().data(), layout.steps(), reverse}; }
};

// Checks everything but the number of rows.
void check_weights(const Var& x, const Var& w, const Var& bias) {
  const char* name = conv_op.name();
  check_defined(name, x);
  check_defined(name, w);
  check(x.rank() == 2, "{}: x [N, C] was required: got {}", name, x.shape());
  check(w.rank() == 2 && w.shape()[0] >= 2 && w.shape()[0] <= kernels::kMaxTaps,
        "{}: weights [K, C] with K from 2 to {} were required: got {}", name, kernels::kMaxTaps,
        w.shape());
  const Index channels = x.shape()[1];
  detail::check_rows(name, "weights", w, {w.shape()[0], channels}, x);
  if (bias.defined()) detail::check_rows(name, "a bias", bias, {channels}, x);
}

// [B, K - 1, C]
Shape state_shape(Index batch, const Tensor& w) { return {batch, w.shape()[0] - 1, w.shape()[1]}; }

struct Results {
  Tensor y, state;
};

Results compute(const kernels::Steps& steps, std::span<const Tensor> in) {
  const Tensor x = in[kX].contiguous(), w = in[kW].contiguous(),
               bias = contiguous_if_defined(in[kBias]), state = contiguous_if_defined(in[kState]);
  const kernels::ConvSize size{w.shape()[1], w.shape()[0]};
  Results r{Tensor::empty(x.shape(), x.dtype()),
            Tensor::empty(state_shape(steps.batch(0), w), x.dtype())};
  dispatch(x.dtype(), [&]<class T>() {
    kernels::conv_forward<T>(steps, size,
                             {x.data<T>(), w.data<T>(), read_if_defined<T>(bias),
                              read_if_defined<T>(state), r.y.data<T>()});
    kernels::conv_last<T>(steps, size, x.data<T>(), read_if_defined<T>(state), r.state.data<T>());
  });
  return r;
}

struct Nothing {};

FusedOutputs<Nothing> forward(const Call& call, const FusedInputs& in) {
  Results r = compute(call.steps(), in);
  return {{std::move(r.y), std::move(r.state)}, {}};
}

void backward(const Call& call, const FusedInputs& in, FusedGradients g, Cotangents& d) {
  const Tensor x = in[kX].contiguous(), w = in[kW].contiguous(),
               state = contiguous_if_defined(in[kState]), d_last = contiguous_if_defined(g[1]),
               dy = g[0].defined() ? g[0].contiguous() : Tensor::zeros(x.shape(), x.dtype());
  Tensor dx = Tensor::empty(x.shape(), x.dtype()), dw = Tensor::empty(w.shape(), x.dtype()),
         d_state = Tensor::empty(state_shape(call.layout.sequences(), w), x.dtype());
  dispatch(x.dtype(), [&]<class T>() {
    kernels::conv_backward<T>(
        call.steps(), {w.shape()[1], w.shape()[0]},
        {x.data<T>(), w.data<T>(), read_if_defined<T>(state), dy.data<T>(),
         read_if_defined<T>(d_last), dx.data<T>(), dw.data<T>(), d_state.data<T>()});
  });
  d.add(kX, Var(std::move(dx)));
  d.add(kW, Var(std::move(dw)));
  if (d.needs(kBias)) d.add(kBias, sum(Var(dy), {0}));
  if (d.needs(kState)) d.add(kState, Var(std::move(d_state)));
}

// One sequence at a time: [state, x] and its slices.
std::vector<Var> reference(const Call& call, const std::vector<Var>& in) {
  const Var &x = in[kX], &w = in[kW];
  const Index taps = w.shape()[0], channels = w.shape()[1];
  std::vector<Var> outputs, states;
  std::vector<Index> rows;  // of the layout, in the order of `outputs`
  for (Index place = 0; place < call.layout.sequences(); ++place) {
    const IndexTensor own = call.layout.rows_of(call.layout.order()[place]);  // [L]
    rows.insert(rows.end(), own.begin(), own.end());
    Var steps = index_select(x, 0, own);  // [L, C]
    if (call.reverse) steps = flip(steps, 0);
    const Var before = in[kState].defined() ? select(in[kState], 0, place)
                                            : Var(Tensor::zeros({taps - 1, channels}, x.dtype()));
    const Var all = concat({before, steps}, 0);  // [K - 1 + L, C]
    Var y = in[kBias].defined() ? expand(in[kBias], steps.shape())
                                : Var(Tensor::zeros(steps.shape(), x.dtype()));
    for (Index k = 0; k < taps; ++k) y = y + narrow(all, 0, k, own.numel()) * select(w, 0, k);
    outputs.push_back(call.reverse ? flip(y, 0) : y);
    states.push_back(narrow(all, 0, own.numel(), taps - 1));  // [K - 1, C]
  }
  std::vector<Index> back(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) back[rows[i]] = static_cast<Index>(i);
  return {index_select(concat(outputs, 0), 0, back), stack(states, 0)};
}

}  // namespace

ConvOutput causal_conv1d(const In& x, const In& w, const Var& bias, const Var& state,
                         const SequenceLayout& layout, const ConvOptions& options) {
  check_weights(*x, *w, bias);
  detail::check_rows(conv_op.name(), "x", *x, {layout.rows(), x->shape()[1]}, *x);
  if (state.defined())
    detail::check_rows(conv_op.name(), "a state", state, state_shape(layout.sequences(), w.value()),
                       *x);
  const Call call{layout, options.reverse};
  std::vector<Var> out = fused(
      conv_op, {*x, *w, bias, state}, x.where(),
      [&](const FusedInputs& in) { return forward(call, in); },
      [call](const FusedInputs& in, const Nothing&, FusedGradients g, Cotangents& d) {
        backward(call, in, g, d);
      },
      [call](const std::vector<Var>& in) { return reference(call, in); });
  return {out[0], out[1]};
}

Var causal_conv1d_step(const In& x, const In& w, const Var& bias, Var& state) {
  check_weights(*x, *w, bias);
  const Index batch = x->shape()[0];
  if (!plain() || UseReference::active() || batch == 0) {
    ConvOutput out = causal_conv1d(x, w, bias, state, SequenceLayout::equal(batch, 1));
    state = std::move(out.state);
    return std::move(out.rows);
  }
  if (state.defined())
    detail::check_rows(conv_op.name(), "a state", state, state_shape(batch, w.value()), *x);
  const Index offsets[] = {0, batch};
  const Tensor in[] = {x.value(), w.value(), bias.value(), state.value()};
  Results r = compute({offsets, 1, false}, in);
  state = std::move(r.state);
  return std::move(r.y);
}

}  // namespace unroll
