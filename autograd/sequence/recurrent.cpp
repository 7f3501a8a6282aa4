#include <unroll/autograd/fused.h>
#include <unroll/autograd/ops.h>
#include <unroll/autograd/sequence/cells.h>
#include <unroll/autograd/sequence/recurrent.h>
#include <unroll/tensor/kernels/plan.h>
#include <unroll/tensor/kernels/recurrent.h>
#include <unroll/tensor/matmul.h>
#include <unroll/tensor/recurrent.h>

#include <algorithm>

namespace unroll {
namespace {

const Op rnn_op{"rnn_sequence"}, lstm_op{"lstm_sequence"}, gru_op{"gru_sequence"};

const Op& op_of(Recurrence kind) {
  return kind == Recurrence::lstm ? lstm_op : kind == Recurrence::gru ? gru_op : rnn_op;
}

// The inputs of the op, in this order; c0 is used by the LSTM only.
enum Input { kX, kWx, kB, kWh, kBhn, kH0, kC0 };

// The arguments of the op other than its inputs.
struct Call {
  Recurrence kind;
  SequenceLayout layout;
  RecurrentOptions options;

  kernels::Steps steps() const {
    return {layout.offsets().data(), layout.steps(), options.reverse};
  }
  bool lstm() const { return kind == Recurrence::lstm; }
  bool gru() const { return kind == Recurrence::gru; }
};

// Saved for backward in addition to the inputs.
struct Saved {
  Tensor rows;    // [N, H] the outputs
  Tensor gates;   // [N, saved_of(kind) H]
  Tensor states;  // [N + B, H], equal lengths only: the rows, with h0 before them (behind them in
                  // reverse)
  bool from_zero = false;
};

bool is_zero(const Tensor& x) {
  return dispatch(x.dtype(), [&]<class T>() {
    return std::all_of(x.data<T>(), x.data<T>() + x.numel(), [](T v) { return v == 0; });
  });
}

void check_call(const Call& call, const std::vector<Var>& in) {
  const char* name = op_of(call.kind).name();
  const auto given = [](const Var& v) { return v.defined() ? &v.value() : nullptr; };
  check(!call.options.relu || call.kind == Recurrence::rnn_relu,
        "{}: no .relu was required (it is the RNN's): got it", name);
  const Index rows = call.options.ids.defined() ? in[kX].size(0) : call.layout.rows();
  check_recurrent(name, call.kind,
                  {in[kX].value(), given(in[kWx]), given(in[kB]), in[kWh].value(), given(in[kBhn]),
                   in[kH0].value(), call.lstm() ? &in[kC0].value() : nullptr},
                  rows, call.layout.sequences());
  if (!call.options.ids.defined()) return;
  check(!in[kWx].defined(), "{}: with ids, a table of projected inputs was required: got wx", name);
  check(call.options.ids.numel() == call.layout.rows(), "{}: {} ids were required: got {}", name,
        call.layout.rows(), call.options.ids.numel());
  call.options.ids.check_range(name, in[kX].size(0));
}

FusedOutputs<Saved> forward(const Call& call, const FusedInputs& in) {
  const Recurrence kind = call.kind;
  const Tensor x = contiguous_if_defined(in[kX]), wx = contiguous_if_defined(in[kWx]),
               b = contiguous_if_defined(in[kB]), wh = contiguous_if_defined(in[kWh]),
               bhn = contiguous_if_defined(in[kBhn]), h0 = contiguous_if_defined(in[kH0]),
               c0 = call.lstm() ? contiguous_if_defined(in[kC0]) : Tensor();
  const Index n = call.layout.rows(), batch = call.layout.sequences(), hidden = wh.shape()[0],
              gates = gates_of(kind) * hidden, width = kernels::saved_of(kind) * hidden;
  const DType dtype = x.dtype();
  Saved saved;
  // The gradient of wh needs the state before each row. For equal lengths this is the rows shifted
  // by one time step.
  if (call.layout.is_equal()) {
    const bool reverse = call.options.reverse;
    saved.states = Tensor::empty({n + batch, hidden}, dtype);
    saved.states.narrow(0, reverse ? n : 0, batch).copy_(h0);
    saved.rows = saved.states.narrow(0, reverse ? 0 : batch, n);
  } else {
    saved.rows = Tensor::empty({n, hidden}, dtype);
  }
  if (width) saved.gates = Tensor::empty({n, width}, dtype);
  saved.from_zero = is_zero(h0);
  Tensor h = Tensor::empty(h0.shape(), dtype),
         c = call.lstm() ? Tensor::empty(h0.shape(), dtype) : Tensor();
  // The kernel projects a small input step by step. Otherwise the projection is written into the
  // buffer the kernel works on in place: the gates (LSTM) or the output (RNN). The GRU needs it in
  // addition to its gates.
  const bool by_step =
      wx.defined() && kernels::projects_by_step(wx.shape()[0], gates, size_of(dtype));
  Tensor projected = x;
  if (wx.defined() && !by_step) {
    projected = call.lstm()  ? saved.gates.narrow(1, 0, gates)
                : call.gru() ? Tensor::empty({n, gates}, dtype)
                             : saved.rows;
    linear_into(projected, x, wx, b);
  }
  dispatch(dtype, [&]<class T>() {
    kernels::recurrent_forward<T>(
        kind, call.steps(), hidden,
        {std::as_const(projected).data<T>(), projected.strides()[0],
         call.options.ids.defined() ? call.options.ids.data() : nullptr,
         by_step ? wx.data<T>() : nullptr, read_if_defined<T>(b),
         wx.defined() ? wx.shape()[0] : gates, wh.data<T>(), read_if_defined<T>(bhn), h0.data<T>(),
         saved.from_zero, read_if_defined<T>(c0), saved.rows.data<T>(),
         write_if_defined<T>(saved.gates), h.data<T>(), write_if_defined<T>(c)});
  });
  std::vector<Tensor> outputs{saved.rows, h};
  if (call.lstm()) outputs.push_back(c);
  return {std::move(outputs), std::move(saved)};
}

void backward(const Call& call, const FusedInputs& in, const Saved& saved, FusedGradients g,
              Cotangents& d) {
  const Tensor wh = contiguous_if_defined(in[kWh]), h0 = contiguous_if_defined(in[kH0]),
               c0 = call.lstm() ? contiguous_if_defined(in[kC0]) : Tensor(),
               d_rows = contiguous_if_defined(g[0]);
  const Index n = call.layout.rows(), batch = call.layout.sequences(), hidden = wh.shape()[0],
              gates = wh.shape()[1];
  const DType dtype = wh.dtype();
  const auto fresh = [&](const Tensor& t) {
    return t.defined() ? t.clone() : Tensor::zeros(h0.shape(), dtype);
  };
  Tensor dh = fresh(g[1]), dc = call.lstm() ? fresh(g[2]) : Tensor();  // [B, H]
  const Index stride = kernels::without_conflicts(gates, size_of(dtype));
  const auto room = [&] { return Tensor::empty({n, stride}, dtype).narrow(1, 0, gates); };
  Tensor dz = room(), dhw = call.gru() ? room() : Tensor();  // [N, G H]
  const bool shifted = saved.states.defined();
  Tensor before = shifted ? saved.states.narrow(0, call.options.reverse ? batch : 0, n)
                          : Tensor::empty({n, hidden}, dtype);
  dispatch(dtype, [&]<class T>() {
    kernels::recurrent_backward<T>(
        call.kind, call.steps(), hidden,
        {wh.data<T>(), h0.data<T>(), read_if_defined<T>(c0), read_if_defined<T>(saved.rows),
         read_if_defined<T>(saved.gates), read_if_defined<T>(d_rows), dz.data<T>(),
         write_if_defined<T>(dhw), stride, d.needs(kH0), dh.data<T>(), write_if_defined<T>(dc)});
    if (!shifted)
      kernels::previous_rows<T>(call.steps(), hidden, read_if_defined<T>(saved.rows), h0.data<T>(),
                                before.data<T>());
  });
  if (call.options.ids.defined()) {
    d.add_rows(kX, call.options.ids, Var(dz), {in[kX].shape()[0], gates});
  } else if (!in[kWx].defined()) {
    d.add(kX, Var(dz));
  } else {
    if (d.needs(kX)) d.add(kX, Var(matmul(dz, in[kWx].transpose())));
    d.add_product(kWx, in[kX], Var(dz));
  }
  if (d.needs(kB)) d.add(kB, sum(Var(dz), {0}));
  // A zero initial state adds nothing to the product, so its rows are skipped.
  const Index skip = shifted && saved.from_zero ? batch : 0;
  const auto continuing = [&](const Tensor& t) {
    return Var(t.narrow(0, call.options.reverse ? 0 : skip, n - skip));
  };
  d.add_product(kWh, continuing(before), continuing(call.gru() ? dhw : dz));
  if (d.needs(kBhn)) d.add(kBhn, sum(Var(dhw.narrow(1, 2 * hidden, hidden)), {0}));
  d.add(kH0, Var(dh));
  if (call.lstm()) d.add(kC0, Var(dc));
}

// The reference implementation: project, then run the time loop.
std::vector<Var> reference(const Call& call, const std::vector<Var>& in) {
  Var x = call.options.ids.defined() ? embedding(call.options.ids, in[kX]) : in[kX];
  if (in[kWx].defined()) x = linear(x, in[kWx], in[kB]);  // [N, G H]
  const States initial(in.begin() + kH0, in.end());
  auto [rows, last] =
      time_loop(x, initial, call.layout, {0, call.layout.steps(), call.options.reverse},
                [&](const Var& px, States& s) {
                  if (call.lstm()) {
                    std::tie(s[0], s[1]) = lstm_step(px, s[0], s[1], in[kWh]);
                  } else if (call.gru()) {
                    s[0] = gru_step(px, s[0], in[kWh], in[kBhn]);
                  } else {
                    s[0] = rnn_step(px, s[0], in[kWh], {.relu = call.kind == Recurrence::rnn_relu});
                  }
                  return s[0];
                });
  std::vector<Var> out{rows};
  out.insert(out.end(), last.begin(), last.end());
  return out;
}

RecurrentOutput sequence(Recurrence kind, const In& x, const RecurrentWeights& w,
                         const States& initial, const SequenceLayout& layout,
                         const RecurrentOptions& options) {
  std::vector<Var> inputs{*x, w.wx, w.b, w.wh, w.bhn};
  inputs.insert(inputs.end(), initial.begin(), initial.end());
  const Call call{kind, layout, options};
  check_call(call, inputs);
  std::vector<Var> out = fused(
      op_of(kind), std::move(inputs), x.where(),
      [&](const FusedInputs& in) { return forward(call, in); },
      [call](const FusedInputs& in, const Saved& saved, FusedGradients g, Cotangents& d) {
        backward(call, in, saved, g, d);
      },
      [call](const std::vector<Var>& in) { return reference(call, in); });
  return {out[0], States(out.begin() + 1, out.end())};
}

}  // namespace

RecurrentOutput rnn_sequence(const In& x, const RecurrentWeights& weights, const Var& h0,
                             const SequenceLayout& layout, const RecurrentOptions& options) {
  return sequence(options.relu ? Recurrence::rnn_relu : Recurrence::rnn_tanh, x, weights, {h0},
                  layout, options);
}
RecurrentOutput lstm_sequence(const In& x, const RecurrentWeights& weights, const Var& h0,
                              const Var& c0, const SequenceLayout& layout,
                              const RecurrentOptions& options) {
  return sequence(Recurrence::lstm, x, weights, {h0, c0}, layout, options);
}
RecurrentOutput gru_sequence(const In& x, const RecurrentWeights& weights, const Var& h0,
                             const SequenceLayout& layout, const RecurrentOptions& options) {
  return sequence(Recurrence::gru, x, weights, {h0}, layout, options);
}

}  // namespace unroll
