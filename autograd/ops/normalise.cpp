// Normalisation of rows, and dropout.
#include <unroll/autograd/fused.h>
#include <unroll/autograd/op.h>
#include <unroll/autograd/ops.h>
#include <unroll/tensor/kernels/parallel_rows.h>
#include <unroll/tensor/kernels/rows.h>
#include <unroll/tensor/kernels/tuning.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/reduce.h>

namespace unroll {
namespace {

const Op layer_norm_op{"layer_norm"}, rms_norm_op{"rms_norm"}, dropout_op{"dropout"};

constexpr Index kRun = tuning::kNormRows;

// Layer norm subtracts the mean of a row before it divides; RMS norm does not.
struct Norm {
  double eps;
  bool centred;
};
enum Input { kX, kGain, kBias };

struct Saved {
  Tensor shift, scale;  // [rows]: y = (x - shift) scale gain + bias
};

Tensor norm_values(const Norm& norm, std::span<const Tensor> in, Saved& saved) {
  const Tensor x = in[kX].contiguous(), gain = contiguous_if_defined(in[kGain]),
               bias = contiguous_if_defined(in[kBias]);
  const Index n = x.shape().back(), rows = x.numel() / n;
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  saved = {Tensor::empty({rows}, x.dtype()), Tensor::empty({rows}, x.dtype())};
  dispatch(x.dtype(), [&]<class T>() {
    const T *from = x.data<T>(), *gain_at = read_if_defined<T>(gain),
            *bias_at = read_if_defined<T>(bias);
    T *to = y.data<T>(), *shift_at = saved.shift.data<T>(), *scale_at = saved.scale.data<T>();
    kernels::parallel_rows(rows, n, [&](Index i, Index count) {
      kernels::normalise_rows<T>(from + i * n, gain_at, bias_at, to + i * n, shift_at + i,
                                 scale_at + i, count, n, norm.eps, norm.centred);
    });
  });
  return y;
}

FusedOutputs<Saved> norm_forward(const Norm& norm, const FusedInputs& in) {
  Saved saved;
  Tensor y = norm_values(norm, in, saved);
  return {{std::move(y)}, std::move(saved)};
}

void norm_backward(const Norm& norm, const FusedInputs& in, const Saved& saved, FusedGradients g,
                   Cotangents& d) {
  const Tensor x = in[kX].contiguous(), gain = contiguous_if_defined(in[kGain]),
               dy = g[0].contiguous();
  const Index n = x.shape().back(), rows = x.numel() / n;
  Tensor dx = Tensor::empty(x.shape(), x.dtype());
  // Each block of rows has its own partial sums, which are added in a fixed order.
  const Index runs = (rows + kRun - 1) / kRun;
  const auto sums = [&](int at) {
    return d.needs(at) ? Tensor::zeros({runs, n}, x.dtype()) : Tensor();
  };
  Tensor dgain = sums(kGain), dbias = sums(kBias);
  dispatch(x.dtype(), [&]<class T>() {
    const T *dy_at = dy.data<T>(), *x_at = x.data<T>(), *gain_at = read_if_defined<T>(gain);
    const T *shift_at = read_if_defined<T>(saved.shift),
            *scale_at = read_if_defined<T>(saved.scale);
    T *dx_at = dx.data<T>(), *dgain_at = write_if_defined<T>(dgain),
      *dbias_at = write_if_defined<T>(dbias);
    kernels::parallel_runs(rows, kRun, [&](Index i, Index count) {
      const Index run = i / kRun;
      kernels::normalise_rows_gradient<T>(
          dy_at + i * n, x_at + i * n, gain_at, shift_at + i, scale_at + i, dx_at + i * n,
          dgain_at ? dgain_at + run * n : nullptr, dbias_at ? dbias_at + run * n : nullptr, count,
          n, norm.centred);
    });
  });
  d.add(kX, Var(dx));
  if (dgain.defined()) d.add(kGain, Var(sum(dgain, {0})));
  if (dbias.defined()) d.add(kBias, Var(sum(dbias, {0})));
}

std::vector<Var> norm_reference(const Norm& norm, const std::vector<Var>& in) {
  const Var &x = in[kX], &gain = in[kGain], &bias = in[kBias];
  const Var c = norm.centred ? x - mean(x, -1, {.keepdim = true}) : x;
  Var y = c / sqrt(mean(square(c), -1, {.keepdim = true}) + norm.eps);
  if (gain.defined()) y = y * gain;
  if (bias.defined()) y = y + bias;
  return {y};
}

Var normalise(const Op& op, const In& x, const In& gain, const In& bias, const Norm& norm) {
  check_defined(op.name(), *x);
  check(x->rank() >= 1 && x->shape().back() > 0,
        "{}: rows of at least one element were required: got {}", op.name(), x->shape());
  check(norm.eps >= 0, "{}: an eps of at least 0 was required: got {}", op.name(), norm.eps);
  const Index n = x->shape().back();
  for (const Var* v : {&*gain, &*bias}) {
    if (!v->defined()) continue;
    check(v->shape() == Shape({n}),
          "{}: a gain and a bias of shape [{}] were required for {}: got {}", op.name(), n,
          x->shape(), v->shape());
    check_same_dtype(op.name(), x.value(), v->value());
  }
  if (plain() && !UseReference::active()) {  // a step of a stream: without vectors to allocate
    const Tensor in[] = {x.value(), gain.value(), bias.value()};
    Saved saved;
    return norm_values(norm, in, saved);
  }
  return fused(
             op, {*x, *gain, *bias}, x.where(),
             [&](const FusedInputs& in) { return norm_forward(norm, in); },
             [norm](const FusedInputs& in, const Saved& saved, FusedGradients g, Cotangents& d) {
               norm_backward(norm, in, saved, g, d);
             },
             [norm](const std::vector<Var>& in) { return norm_reference(norm, in); })
      .front();
}

}  // namespace

Var layer_norm(const In& x, const In& gain, const In& bias, double eps) {
  return normalise(layer_norm_op, x, gain, bias, {eps, true});
}

Var rms_norm(const In& x, const In& gain, double eps) {
  return normalise(rms_norm_op, x, gain, Var(), {eps, false});
}

Var dropout(const In& x, double p, Generator& generator) {
  check_defined("dropout", *x);
  check(p >= 0 && p < 1, "dropout: a probability in [0, 1) was required: got {}", p);
  if (p == 0) return *x;
  const Tensor mask = mul(generator.bernoulli(x->shape(), 1 - p, x->dtype()), 1 / (1 - p));
  return record(dropout_op, mul(x.value(), mask), {&x},
                [mask](const Var& g, Cotangents& d) { d.add(0, g * mask); });
}

}  // namespace unroll
