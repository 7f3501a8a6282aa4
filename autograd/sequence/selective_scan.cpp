// The selective scan as one fused op. Saved for backward: the inputs, and the states before each
// chunk of 64 steps, from which the other states are computed again.
#include <unroll/autograd/fused.h>
#include <unroll/autograd/ops.h>
#include <unroll/autograd/sequence/selective_scan.h>
#include <unroll/autograd/sequence/time_loop.h>
#include <unroll/tensor/kernels/selective_scan.h>
#include <unroll/tensor/reduce.h>

#include <algorithm>
#include <array>

namespace unroll {
namespace {

const Op selective_op{"selective_scan"};

enum Input { kX, kDelta, kA, kB, kC, kD, kBias, kZ, kInitial, kInputs };

struct Call {
  SequenceLayout layout;
  bool reverse;
  kernels::Steps steps() const { return {layout.offsets().data(), layout.steps(), reverse}; }
};

struct Saved {
  Tensor states;  // [saved states, S, D]
};

// The inputs as the kernel reads them: rows may be slices of wider ones, states are [S, D].
struct Arranged {
  std::array<Tensor, kInputs> t;
  kernels::SelectiveSize size;
  Index batch;

  Arranged(std::span<const Tensor> in, Index sequences)
      : size{in[kA].shape()[0], in[kA].shape()[1]}, batch(sequences) {
    std::copy(in.begin(), in.end(), t.begin());
    for (const int i : {kX, kDelta, kB, kC, kZ})
      if (t[i].defined() && t[i].strides()[1] != 1) t[i] = t[i].contiguous();
    for (const int i : {kD, kBias})
      if (t[i].defined()) t[i] = t[i].contiguous();
    t[kA] = t[kA].transpose().contiguous();                                             // [S, D]
    if (t[kInitial].defined()) t[kInitial] = t[kInitial].transpose(1, 2).contiguous();  // [B, S, D]
  }

  Shape state_shape() const { return {batch, size.states, size.channels}; }
  template <class T>
  const T* read(Input i) const {
    return t[i].defined() ? t[i].data<T>() : nullptr;
  }
  template <class T>
  kernels::SelectiveInputs<T> arguments() const {
    const auto rows = [&](Input i) {
      return kernels::StridedRows<const T>{read<T>(i), t[i].defined() ? t[i].strides()[0] : 0};
    };
    return {rows(kX),    rows(kDelta), rows(kB),       rows(kC),         rows(kZ),
            read<T>(kA), read<T>(kD),  read<T>(kBias), read<T>(kInitial)};
  }
};

struct Results {
  Tensor out, last;  // [N, D], [B, D, S]
  Saved saved;
};

// `saves`: whether backward may follow.
Results compute(const kernels::Steps& steps, std::span<const Tensor> in, bool saves) {
  const Arranged x(in, steps.batch(0));
  const DType dtype = in[kX].dtype();
  Results r{Tensor::empty({steps.rows(), x.size.channels}, dtype), {}, {}};
  Tensor last = Tensor::empty(x.state_shape(), dtype);
  if (saves)
    r.saved.states =
        Tensor::empty({kernels::saved_states(steps).back(), x.size.states, x.size.channels}, dtype);
  dispatch(dtype, [&]<class T>() {
    kernels::selective_forward<T>(steps, x.size, x.arguments<T>(), r.out.data<T>(), last.data<T>(),
                                  saves ? r.saved.states.data<T>() : nullptr);
  });
  // [B, S, D] -> [B, D, S], a view: the next chunk of the sequences reads it without a copy.
  r.last = last.transpose(1, 2);
  return r;
}

FusedOutputs<Saved> forward(const Call& call, const FusedInputs& in) {
  Results r = compute(call.steps(), in, recording());
  return {{std::move(r.out), std::move(r.last)}, std::move(r.saved)};
}

void backward(const Call& call, const FusedInputs& in, const Saved& saved, FusedGradients g,
              Cotangents& d) {
  const kernels::Steps steps = call.steps();
  const Arranged x(in, steps.batch(0));
  const DType dtype = in[kX].dtype();
  const Index n = steps.rows(), channels = x.size.channels, states = x.size.states;
  const auto room = [&](const Shape& shape) { return Tensor::empty(shape, dtype); };
  const Tensor d_out = g[0].defined() ? g[0].contiguous() : Tensor();
  Tensor dh = g[1].defined() ? g[1].transpose(1, 2).clone() : Tensor::zeros(x.state_shape(), dtype);
  Tensor dx = room({n, channels}), d_delta = room({n, channels}),
         dz = in[kZ].defined() ? room({n, channels}) : Tensor();
  Tensor db = room({x.size.tiles(), n, states}), dc = room({x.size.tiles(), n, states}),
         da = room(x.state_shape()), dd = room({x.batch, channels});
  dispatch(dtype, [&]<class T>() {
    kernels::selective_backward<T>(
        steps, x.size, x.arguments<T>(),
        {saved.states.data<T>(), d_out.defined() ? d_out.data<T>() : nullptr, dx.data<T>(),
         d_delta.data<T>(), dz.defined() ? dz.data<T>() : nullptr, db.data<T>(), dc.data<T>(),
         da.data<T>(), dd.data<T>(), dh.data<T>()});
  });
  if (d.needs(kBias)) d.add(kBias, Var(sum(d_delta, {0})));
  d.add(kX, Var(std::move(dx)));
  d.add(kDelta, Var(std::move(d_delta)));
  d.add(kA, Var(sum(da, {0}).transpose()));  // [B, S, D] -> [D, S]
  d.add(kB, Var(sum(db, {0})));              // [tiles, N, S] -> [N, S]
  d.add(kC, Var(sum(dc, {0})));
  if (d.needs(kD)) d.add(kD, Var(sum(dd, {0})));
  if (d.needs(kZ)) d.add(kZ, Var(std::move(dz)));
  if (d.needs(kInitial)) d.add(kInitial, Var(dh.transpose(1, 2)));
}

// One step in plain ops. `in` has the rows of the step; h [B, D, S].
Var step(const std::vector<Var>& in, Var& h) {
  const auto column = [](const Var& v) { return unsqueeze(v, -1); };  // [B, D] -> [B, D, 1]
  const auto row = [](const Var& v) { return unsqueeze(v, 1); };      // [B, S] -> [B, 1, S]
  const Var dt = softplus(in[kBias].defined() ? in[kDelta] + in[kBias] : in[kDelta]);
  h = exp(column(dt) * in[kA]) * h + column(dt * in[kX]) * row(in[kB]);  // [B, D, S]
  Var y = sum(h * row(in[kC]), {2});                                     // [B, D]
  if (in[kD].defined()) y = y + in[kD] * in[kX];
  return in[kZ].defined() ? y * silu(in[kZ]) : y;
}

std::vector<Var> reference(const Call& call, const std::vector<Var>& in) {
  std::vector<Var> rows;
  std::vector<int> inputs;
  for (const int i : {kX, kDelta, kB, kC, kZ})
    if (in[i].defined()) rows.push_back(in[i]), inputs.push_back(i);
  const Index states = in[kA].shape()[1];
  const Var h0 = in[kInitial].defined()
                     ? in[kInitial]
                     : Var(Tensor::zeros({call.layout.sequences(), in[kA].shape()[0], states},
                                         in[kX].dtype()));
  auto [out, last] =
      time_loop(concat(rows, 1), {h0}, call.layout, {0, call.layout.steps(), call.reverse},
                [&](const Var& joined, States& h) {
                  std::vector<Var> now = in;
                  Index column = 0;
                  for (const int i : inputs) {
                    now[i] = narrow(joined, 1, column, in[i].shape()[1]);
                    column += in[i].shape()[1];
                  }
                  return step(now, h[0]);
                });
  return {out, last[0]};
}

std::array<Var, kInputs> listed(const SelectiveScanInputs& i, const Var& initial) {
  return {i.x, i.delta, i.a, i.b, i.c, i.d, i.delta_bias, i.z, initial};
}

// Checks all shapes for the given number of rows and sequences.
void check_inputs(std::span<const Var> in, Index rows, Index sequences) {
  const char* name = selective_op.name();
  check_defined(name, in[kX]);
  check_defined(name, in[kA]);
  check(in[kX].rank() == 2, "{}: x [N, D] was required: got {}", name, in[kX].shape());
  const Index channels = in[kX].shape()[1];
  check(in[kA].rank() == 2 && in[kA].shape()[0] == channels && channels >= 1 &&
            in[kA].shape()[1] >= 1,
        "{}: a [D, S] with D = {} and S of at least 1 was required: got {}", name, channels,
        in[kA].shape());
  const Index states = in[kA].shape()[1];
  const auto require = [&](Input i, const char* what, const Shape& shape, bool optional = false) {
    if (!optional || in[i].defined()) detail::check_rows(name, what, in[i], shape, in[kX]);
  };
  require(kX, "x", {rows, channels});
  require(kA, "a", {channels, states});
  require(kDelta, "delta", {rows, channels});
  require(kB, "b", {rows, states});
  require(kC, "c", {rows, states});
  require(kD, "d", {channels}, true);
  require(kBias, "a bias of delta", {channels}, true);
  require(kZ, "z", {rows, channels}, true);
  require(kInitial, "an initial state", {sequences, channels, states}, true);
}

}  // namespace

ScanOutput selective_scan(const SelectiveScanInputs& inputs, const Var& initial,
                          const SequenceLayout& layout, const ScanOptions& options, Where where) {
  const std::array<Var, kInputs> in = listed(inputs, initial);
  check_inputs(in, layout.rows(), layout.sequences());
  const Call call{layout, options.reverse};
  std::vector<Var> out = fused(
      selective_op, {in.begin(), in.end()}, where,
      [&](const FusedInputs& x) { return forward(call, x); },
      [call](const FusedInputs& x, const Saved& saved, FusedGradients g, Cotangents& d) {
        backward(call, x, saved, g, d);
      },
      [call](const std::vector<Var>& x) { return reference(call, x); });
  return {out[0], out[1]};
}

Var selective_scan_step(const SelectiveScanInputs& inputs, Var& state, Where where) {
  check_defined(selective_op.name(), inputs.x);
  check(inputs.x.rank() == 2 && inputs.x.shape()[0] >= 1,
        "{}: x [B, D] with B of at least 1 was required: got {}", selective_op.name(),
        inputs.x.shape());
  const Index batch = inputs.x.shape()[0];
  if (!plain() || UseReference::active()) {
    ScanOutput out = selective_scan(inputs, state, SequenceLayout::equal(batch, 1), {}, where);
    state = std::move(out.last);
    return std::move(out.rows);
  }
  const std::array<Var, kInputs> in = listed(inputs, state);
  check_inputs(in, batch, batch);
  std::array<Tensor, kInputs> values;
  for (int i = 0; i < kInputs; ++i) values[i] = in[i].value();
  const Index offsets[] = {0, batch};
  Results r = compute({offsets, 1, false}, values, false);
  state = std::move(r.last);
  return std::move(r.out);
}

}  // namespace unroll
