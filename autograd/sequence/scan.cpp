// The scan h_t = a_t h_{t-1} + b_t (Blelloch 1990) as one fused op. Its gradient is a scan in the
// opposite direction: dh_t = g_t + a_{t+1} dh_{t+1}, with db_t = dh_t and da_t = dh_t h_{t-1}.
#include <unroll/autograd/fused.h>
#include <unroll/autograd/ops.h>
#include <unroll/autograd/sequence/scan.h>
#include <unroll/autograd/sequence/time_loop.h>
#include <unroll/tensor/kernels/scan.h>

namespace unroll {
namespace {

const Op scan_op{"scan"};

enum Input { kA, kB, kInitial };

struct Call {
  SequenceLayout layout;
  bool reverse;
  kernels::Steps steps() const { return {layout.offsets().data(), layout.steps(), reverse}; }
};

struct Saved {
  Tensor rows;  // [N, C] the outputs
};

FusedOutputs<Saved> forward(const Call& call, const FusedInputs& in) {
  const Tensor a = in[kA].contiguous(), b = in[kB].contiguous(), h0 = in[kInitial].contiguous();
  Tensor rows = Tensor::empty(a.shape(), a.dtype()), last = Tensor::empty(h0.shape(), a.dtype());
  dispatch(a.dtype(), [&]<class T>() {
    kernels::scan_forward<T>(
        call.steps(), a.shape()[1],
        {a.data<T>(), b.data<T>(), h0.data<T>(), rows.data<T>(), last.data<T>()});
  });
  return {{rows, std::move(last)}, {rows}};
}

void backward(const Call& call, const FusedInputs& in, const Saved& saved, FusedGradients g,
              Cotangents& d) {
  const Tensor a = in[kA].contiguous(), h0 = in[kInitial].contiguous(),
               d_rows = g[0].defined() ? g[0].contiguous() : Tensor();
  Tensor da = Tensor::empty(a.shape(), a.dtype()), db = Tensor::empty(a.shape(), a.dtype()),
         dh = g[1].defined() ? g[1].clone() : Tensor::zeros(h0.shape(), a.dtype());
  dispatch(a.dtype(), [&]<class T>() {
    kernels::scan_backward<T>(
        call.steps(), a.shape()[1],
        {a.data<T>(), saved.rows.data<T>(), h0.data<T>(),
         d_rows.defined() ? d_rows.data<T>() : nullptr, da.data<T>(), db.data<T>(), dh.data<T>()});
  });
  d.add(kA, Var(std::move(da)));
  d.add(kB, Var(std::move(db)));
  d.add(kInitial, Var(std::move(dh)));
}

std::vector<Var> reference(const Call& call, const std::vector<Var>& in) {
  const Index channels = in[kA].shape()[1];
  auto [rows, last] =
      time_loop(concat({in[kA], in[kB]}, 1), {in[kInitial]}, call.layout,
                {0, call.layout.steps(), call.reverse}, [&](const Var& ab, States& h) {
                  const Var a = narrow(ab, 1, 0, channels), b = narrow(ab, 1, channels, channels);
                  return h[0] = a * h[0] + b;
                });
  return {rows, last[0]};
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
  const Shape state{layout.sequences(), channels};
  const Var h0 = initial.defined() ? initial : Var(Tensor::zeros(state, a->dtype()));
  detail::check_rows(name, "an initial state", h0, state, *a);
  const Call call{layout, options.reverse};
  std::vector<Var> out = fused(
      scan_op, {*a, *b, h0}, a.where(), [&](const FusedInputs& in) { return forward(call, in); },
      [call](const FusedInputs& in, const Saved& saved, FusedGradients g, Cotangents& d) {
        backward(call, in, saved, g, d);
      },
      [call](const std::vector<Var>& in) { return reference(call, in); });
  return {out[0], out[1]};
}

}  // namespace unroll
