// The scan h_t = a_t h_{t-1} + b_t (Blelloch 1990) as one fused op. Its gradient is a scan in the
// opposite direction: dh_t = g_t + a_{t+1} dh_{t+1}, with db_t = dh_t and da_t = dh_t h_{t-1}.
#include <unroll/autograd/fused.h>
#include <unroll/autograd/ops.h>
#include <unroll/autograd/sequence/scan.h>
#include <unroll/autograd/sequence/time_loop.h>
#include <unroll/tensor/kernels/scan.h>

namespace unroll {
namespace {

const Op scan_op{"scan"}, min_gru_op{"min_gru_sequence"};

struct Call {
  kernels::ScanKind kind;
  SequenceLayout layout;
  bool reverse;
  bool positive = false;
  bool affine() const { return kind == kernels::ScanKind::affine; }
  kernels::Steps steps() const { return {layout.offsets().data(), layout.steps(), reverse}; }
};

struct Saved {
  Tensor rows;  // [N, C] the outputs
};

// The inputs are a, b and the initial state, or px and the initial state. In px, what stands for b
// begins after half of the columns.
struct Parts {
  Tensor first, second, h0;
  Index column = 0;
  Parts(const Call& call, const FusedInputs& in)
      : first(in[0].contiguous()), second(first), h0(in.back().contiguous()) {
    if (call.affine()) {
      second = in[1].contiguous();
    } else {
      column = h0.shape()[1];
    }
  }
  Index channels() const { return h0.shape()[1]; }
};

FusedOutputs<Saved> forward(const Call& call, const FusedInputs& in) {
  const Parts x(call, in);
  const DType dtype = x.h0.dtype();
  Tensor rows = Tensor::empty({call.layout.rows(), x.channels()}, dtype),
         last = Tensor::empty(x.h0.shape(), dtype);
  dispatch(dtype, [&]<class T>() {
    kernels::scan_forward<T>(call.steps(), {call.kind, x.channels(), call.positive},
                             {x.first.data<T>(), x.second.data<T>() + x.column, x.h0.data<T>(),
                              rows.data<T>(), last.data<T>()});
  });
  return {{rows, std::move(last)}, {rows}};
}

void backward(const Call& call, const FusedInputs& in, const Saved& saved, FusedGradients g,
              Cotangents& d) {
  const Parts x(call, in);
  const DType dtype = x.h0.dtype();
  const Tensor d_rows = g[0].defined() ? g[0].contiguous() : Tensor();
  Tensor d_first = Tensor::empty(x.first.shape(), dtype),
         d_second = call.affine() ? Tensor::empty(x.first.shape(), dtype) : d_first,
         dh = g[1].defined() ? g[1].clone() : Tensor::zeros(x.h0.shape(), dtype);
  dispatch(dtype, [&]<class T>() {
    kernels::scan_backward<T>(
        call.steps(), {call.kind, x.channels(), call.positive},
        {x.first.data<T>(), x.second.data<T>() + x.column, saved.rows.data<T>(), x.h0.data<T>(),
         d_rows.defined() ? d_rows.data<T>() : nullptr, d_first.data<T>(),
         d_second.data<T>() + x.column, dh.data<T>()});
  });
  d.add(0, Var(std::move(d_first)));
  if (call.affine()) d.add(1, Var(std::move(d_second)));
  d.add(call.affine() ? 2 : 1, Var(std::move(dh)));
}

std::vector<Var> reference(const Call& call, const std::vector<Var>& in) {
  const Index channels = in.back().shape()[1];
  auto [rows, last] =
      time_loop(call.affine() ? concat({in[0], in[1]}, 1) : in[0], {in.back()}, call.layout,
                {0, call.layout.steps(), call.reverse}, [&](const Var& x, States& h) {
                  if (!call.affine()) {
                    const auto [a, b] = min_gru_coefficients(x, call.positive);
                    return h[0] = a * h[0] + b;
                  }
                  return h[0] = narrow(x, 1, 0, channels) * h[0] + narrow(x, 1, channels, channels);
                });
  return {rows, last[0]};
}

ScanOutput run(const Op& op, const Call& call, std::vector<Var> inputs, Where where) {
  std::vector<Var> out = fused(
      op, std::move(inputs), where, [&](const FusedInputs& in) { return forward(call, in); },
      [call](const FusedInputs& in, const Saved& saved, FusedGradients g, Cotangents& d) {
        backward(call, in, saved, g, d);
      },
      [call](const std::vector<Var>& in) { return reference(call, in); });
  return {std::move(out[0]), std::move(out[1])};
}

// The initial state [B, C] of a scan over x.
Var state_or_zeros(const char* op, const Var& initial, Index channels, const SequenceLayout& layout,
                   const Var& x) {
  const Shape shape{layout.sequences(), channels};
  if (!initial.defined()) return Tensor::zeros(shape, x.dtype());
  detail::check_rows(op, "an initial state", initial, shape, x);
  return initial;
}

// v, or g(v): v + 0.5 for v >= 0, otherwise sigmoid(v). Feng et al. 2024, appendix B.
Var candidate(const Var& v, bool positive) {
  if (!positive) return v;
  return relu(v) + sigmoid(minimum(v, Tensor::scalar(0, v.dtype())));
}
Var block(const Var& px, Index blocks, Index i) {
  const Index width = px.shape().back() / blocks;
  return narrow(px, -1, i * width, width);
}

}  // namespace

void detail::check_rows(const char* op, const char* what, const Var& x, const Shape& shape,
                        const Var& like) {
  check_defined(op, x);
  check(x.shape() == shape, "{}: {} of shape {} was required: got {}", op, what, shape, x.shape());
  check_same_dtype(op, like.value(), x.value());
}

ScanOutput scan(const In& a, const In& b, const Var& initial, const SequenceLayout& layout,
                const ScanOptions& options) {
  const char* name = scan_op.name();
  check_defined(name, *a);
  check(a->rank() == 2, "{}: a [N, C] was required: got {}", name, a->shape());
  const Index channels = a->shape()[1];
  detail::check_rows(name, "a", *a, {layout.rows(), channels}, *a);
  detail::check_rows(name, "b", *b, {layout.rows(), channels}, *a);
  return run(scan_op, {kernels::ScanKind::affine, layout, options.reverse},
             {*a, *b, state_or_zeros(name, initial, channels, layout, *a)}, a.where());
}

ScanOutput min_gru_sequence(const In& px, const Var& initial, const SequenceLayout& layout,
                            const MinGRUScanOptions& options) {
  const char* name = min_gru_op.name();
  check_defined(name, *px);
  check(px->rank() == 2 && px->shape()[0] == layout.rows() && px->shape()[1] % 2 == 0,
        "{}: rows [{}, 2 H] were required: got {}", name, layout.rows(), px->shape());
  return run(min_gru_op, {kernels::ScanKind::min_gru, layout, options.reverse, options.positive},
             {*px, state_or_zeros(name, initial, px->shape()[1] / 2, layout, *px)}, px.where());
}

ScanCoefficients min_gru_coefficients(const Var& px, bool positive) {
  const Var z = sigmoid(block(px, 2, 0));
  return {1.0 - z, z * candidate(block(px, 2, 1), positive)};
}

// f / (f + i) = sigmoid(log f - log i), which is right where both vanish.
ScanCoefficients min_lstm_coefficients(const Var& px, bool positive) {
  const Var forget = softplus(-block(px, 3, 1)) - softplus(-block(px, 3, 0));
  return {sigmoid(forget), sigmoid(-forget) * candidate(block(px, 3, 2), positive)};
}

}  // namespace unroll
