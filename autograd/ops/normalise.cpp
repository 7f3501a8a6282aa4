// Normalisation of rows, and dropout.
#include <unroll/autograd/ops.h>
#include <unroll/autograd/ops/lookup.h>
#include <unroll/tensor/kernels/parallel_rows.h>
#include <unroll/tensor/kernels/rows.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/reduce.h>

namespace unroll {
namespace {

const Op layer_norm_op{"layer_norm"}, rms_norm_op{"rms_norm"}, dropout_op{"dropout"};

constexpr Index kRun = 256;  // rows that one task of the derivative takes

template <class T>
const T* read(const Tensor& t) {
  return t.defined() ? t.data<T>() : nullptr;
}

// The same in plain ops: what the fused derivative is differentiated by.
Var normalise_plainly(const Var& x, const Var& gain, const Var& bias, double eps, bool centred) {
  const Var c = centred ? x - mean(x, {-1}, true) : x;
  Var y = c / sqrt(mean(square(c), {-1}, true) + eps);
  if (gain.defined()) y = y * gain;
  if (bias.defined()) y = y + bias;
  return y;
}

Var normalise(const Op& op, const In& x, const In& gain, const In& bias, double eps, bool centred) {
  check_defined(op.name(), *x);
  check(x->rank() >= 1 && x->shape().back() > 0,
        "{}: rows of at least one number were required: got {}", op.name(), x->shape());
  check(eps >= 0, "{}: an eps of at least 0 was required: got {}", op.name(), eps);
  const Index n = x->shape().back(), rows = x->numel() / n;
  for (const Var* v : {&*gain, &*bias}) {
    if (!v->defined()) continue;
    check(v->shape() == Shape({n}),
          "{}: a gain and a bias of shape [{}] were required for {}: got {}", op.name(), n,
          x->shape(), v->shape());
    check_same_dtype(op.name(), x.value(), v->value());
  }
  if (const Lookup* from = lookup_of(*x))
    return look_up(x, *from, [&op, gain = *gain, bias = *bias, eps, centred](const Var& v) {
      return normalise(op, v, gain, bias, eps, centred);
    });
  const Tensor source = x.value().contiguous();
  const Tensor gains = gain->defined() ? gain.value().contiguous() : Tensor();
  const Tensor biases = bias->defined() ? bias.value().contiguous() : Tensor();
  Tensor y = Tensor::empty(x->shape(), x->dtype());
  Tensor shift = Tensor::empty({rows}, x->dtype()), scale = Tensor::empty({rows}, x->dtype());
  dispatch(x->dtype(), [&]<class T>() {
    const T* from = source.data<T>();
    T *to = y.data<T>(), *shift_at = shift.data<T>(), *scale_at = scale.data<T>();
    const T *gain_at = read<T>(gains), *bias_at = read<T>(biases);
    kernels::parallel_rows(rows, n, [&](Index i, Index count) {
      kernels::normalise_rows<T>(from + i * n, gain_at, bias_at, to + i * n, shift_at + i,
                                 scale_at + i, count, n, eps, centred);
    });
  });
  const auto derivative = [=, x = Var(*x), gain = *gain, bias = *bias](const Var& g,
                                                                       Cotangents& d) {
    if (recording()) {
      const auto plain_rows = [&](const std::vector<Var>& in) -> std::vector<Var> {
        return {normalise_plainly(in[0], in[1], in[2], eps, centred)};
      };
      return d.add_through(plain_rows, {x, gain, bias}, {&g, 1});
    }
    const Tensor from = x.value().contiguous(), gc = g.value().contiguous();
    Tensor dx = Tensor::empty(x.shape(), x.dtype());
    // Each run of rows has sums of its own, which are added in order.
    const Index runs = (rows + kRun - 1) / kRun;
    const auto sums = [&](int at) {
      return d.needs(at) ? Tensor::zeros({runs, n}, x.dtype()) : Tensor();
    };
    Tensor dgain = sums(1), dbias = sums(2);
    dispatch(x.dtype(), [&]<class T>() {
      const T *g_at = gc.data<T>(), *x_at = from.data<T>(), *gains_at = read<T>(gains);
      const T *shift_at = read<T>(shift), *scale_at = read<T>(scale);
      T *dx_at = dx.data<T>(), *dgain_at = dgain.defined() ? dgain.data<T>() : nullptr,
        *dbias_at = dbias.defined() ? dbias.data<T>() : nullptr;
      kernels::parallel_runs(rows, kRun, [&](Index i, Index count) {
        const Index run = i / kRun;
        kernels::normalise_rows_gradient<T>(
            g_at + i * n, x_at + i * n, gains_at, shift_at + i, scale_at + i, dx_at + i * n,
            dgain_at ? dgain_at + run * n : nullptr, dbias_at ? dbias_at + run * n : nullptr, count,
            n, centred);
      });
    });
    d.add(0, Var(dx));
    if (dgain.defined()) d.add(1, Var(sum(dgain, {0})));
    if (dbias.defined()) d.add(2, Var(sum(dbias, {0})));
  };
  return record(op, y, {&x, &gain, &bias}, derivative);
}

}  // namespace

Var layer_norm(const In& x, const In& gain, const In& bias, double eps) {
  return normalise(layer_norm_op, x, gain, bias, eps, true);
}

Var rms_norm(const In& x, const In& gain, double eps) {
  return normalise(rms_norm_op, x, gain, Var(), eps, false);
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
