// Fused cross entropy of rows of logits. Saved for backward: the logits and two values per row,
// never the probabilities.
//
// With p = softmax(x), t the target, w the class weights and e the label smoothing, the loss of a
// row is
//   (1 - e) w_t (lse - x_t) + e / V sum_v w_v (lse - x_v),   lse = log sum exp x
// as in PyTorch. N rows, V classes.
#include <unroll/autograd/fused.h>
#include <unroll/autograd/ops.h>
#include <unroll/autograd/ops/loss.h>
#include <unroll/tensor/kernels/parallel_rows.h>
#include <unroll/tensor/kernels/rows.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/reduce.h>

#include <algorithm>
#include <cmath>

namespace unroll {
namespace {

const Op cross_entropy_op{"cross_entropy"};

// The class weights [V]; ones if none are given.
Tensor weights_of(const CrossEntropyOptions& options, Index classes, DType dtype) {
  if (!options.class_weights.defined()) return Tensor::ones({classes}, dtype);
  check(options.class_weights.shape() == Shape({classes}),
        "cross_entropy: class weights of shape [{}] were required: got {}", classes,
        options.class_weights.shape());
  return options.class_weights.to(dtype).contiguous();
}

// The arguments of the op other than the logits.
struct Call {
  IndexTensor target;  // [N]
  Tensor weights;      // [V]
  Index ignore_id;
  double smoothing;

  double share() const { return smoothing / static_cast<double>(weights.numel()); }
};

struct Saved {
  Tensor top, log_sum;  // [N] each: the row maximum and log sum exp(x - top); lse is their sum
};

FusedOutputs<Saved> forward(const Call& call, const FusedInputs& in) {
  const Tensor x = in[0].contiguous();  // [N, V]
  const Index rows = x.size(0), classes = x.size(1);
  const LogSumExp lse = logsumexp_parts(x);
  Tensor loss = Tensor::zeros({rows}, x.dtype());
  dispatch(x.dtype(), [&]<class T>() {
    const T *top_at = lse.top.data<T>(), *log_sum_at = lse.log_sum.data<T>(),
            *w = call.weights.data<T>();
    for (Index i = 0; i < rows; ++i) {
      const Index t = call.target[i];
      if (t == call.ignore_id) continue;
      const T* row = x.data<T>() + i * classes;
      const double m = static_cast<double>(top_at[i]), z = static_cast<double>(log_sum_at[i]);
      const auto minus_log_p = [&](Index v) { return m - static_cast<double>(row[v]) + z; };
      double value = (1 - call.smoothing) * static_cast<double>(w[t]) * minus_log_p(t);
      if (call.smoothing > 0)
        for (Index v = 0; v < classes; ++v)
          value += call.share() * static_cast<double>(w[v]) * minus_log_p(v);
      loss.data<T>()[i] = static_cast<T>(value);
    }
  });
  return {{std::move(loss)}, {lse.top, lse.log_sum}};
}

// dx = g ((1 - e) w_t + e / V sum_v w_v) p - g (1 - e) w_t onehot(t) - g e / V w
void backward(const Call& call, const FusedInputs& in, const Saved& saved, FusedGradients g,
              Cotangents& d) {
  const Tensor x = in[0].contiguous(), gradient = g[0].contiguous();
  const Index rows = x.size(0), classes = x.size(1);
  const double e = call.smoothing, total_weight = sum(call.weights).item();
  Tensor dx = Tensor::empty(x.shape(), x.dtype());
  Tensor scale = Tensor::zeros({rows}, x.dtype());  // factor of p
  dispatch(x.dtype(), [&]<class T>() {
    const T *gp = gradient.data<T>(), *w = call.weights.data<T>();
    for (Index i = 0; i < rows; ++i)
      if (call.target[i] != call.ignore_id)
        scale.data<T>()[i] = static_cast<T>(
            static_cast<double>(gp[i]) *
            ((1 - e) * static_cast<double>(w[call.target[i]]) + call.share() * total_weight));
    const T *x_at = x.data<T>(), *scale_at = std::as_const(scale).template data<T>(),
            *top_at = saved.top.data<T>(), *log_sum_at = saved.log_sum.data<T>();
    T* dx_at = dx.data<T>();
    kernels::parallel_rows(rows, classes, [&](Index first, Index count) {
      kernels::scaled_softmax_rows<T>(x_at + first * classes, top_at + first, log_sum_at + first,
                                      scale_at + first, dx_at + first * classes, count, classes);
      for (Index i = first; i < first + count; ++i) {
        const Index t = call.target[i];
        if (t == call.ignore_id) continue;
        T* row = dx_at + i * classes;
        row[t] -= gp[i] * static_cast<T>(1 - e) * w[t];
        if (e > 0)
          for (Index v = 0; v < classes; ++v) row[v] -= gp[i] * static_cast<T>(call.share()) * w[v];
      }
    });
  });
  d.add(0, Var(dx));
}

std::vector<Var> reference(const Call& call, const Var& x) {
  const Index n = x.size(0), v = x.size(1);
  Tensor q = Tensor::zeros({n, v}, x.dtype());  // the factor of each -log p
  Tensor ignored = Tensor::zeros({n, 1}, x.dtype());
  for (Index i = 0; i < n; ++i) {
    if (call.target[i] == call.ignore_id) {
      ignored.set({i, 0}, 1);
      continue;
    }
    for (Index j = 0; j < v; ++j)
      q.set({i, j},
            call.weights.at({j}) * (call.share() + (j == call.target[i] ? 1 - call.smoothing : 0)));
  }
  // [N, V] -> [N]. A class whose factor is 0 may have a logit of -inf.
  return {-sum(where(q, log_softmax(masked_fill(x, ignored, 0)) * q, 0.0), 1)};
}

// The loss of each row [N], 0 where ignored.
Var cross_entropy_rows(const In& x, const IndexTensor& target, const CrossEntropyOptions& o) {
  check_defined("cross_entropy", *x);
  check(x->rank() == 2 && x->shape()[1] >= 1 && target.shape() == Shape({x->shape()[0]}),
        "cross_entropy: logits [N, V], V at least 1, and N target ids were required: got {} and {}",
        x->shape(), target.shape());
  const Index classes = x->shape()[1];
  check(o.label_smoothing >= 0 && o.label_smoothing <= 1,
        "cross_entropy: label smoothing in [0, 1] was required: got {}", o.label_smoothing);
  target.check_range("cross_entropy", classes, o.ignore_id);
  const Call call{target, weights_of(o, classes, x->dtype()), o.ignore_id, o.label_smoothing};
  return fused(
             cross_entropy_op, {*x}, x.where(),
             [&](const FusedInputs& in) { return forward(call, in); },
             [call](const FusedInputs& in, const Saved& saved, FusedGradients g, Cotangents& d) {
               backward(call, in, saved, g, d);
             },
             [call](const std::vector<Var>& in) { return reference(call, in[0]); })
      .front();
}

}  // namespace

Var detail::reduced(const char* name, const Var& loss, Reduction reduction) {
  if (reduction == Reduction::none) return loss;
  if (reduction == Reduction::sum) return sum(loss);
  check(loss.numel() > 0, "{}: at least one element was required for the mean: got the shape {}",
        name, loss.shape());
  return mean(loss);
}

Var detail::reduced(const char* name, const Var& rows, const IndexTensor& target,
                    const CrossEntropyOptions& o) {
  if (o.reduction != Reduction::mean) return reduced(name, rows, o.reduction);
  double total = 0;
  if (o.class_weights.defined()) {
    for (Index t : target)
      if (t != o.ignore_id) total += o.class_weights.at({t});
  } else {
    total =
        static_cast<double>(target.numel() - std::count(target.begin(), target.end(), o.ignore_id));
  }
  check(total > 0,
        "{}: at least one target that counts was required for the mean: got {} targets, all "
        "ignored or of weight 0",
        name, target.numel());
  return sum(rows) / total;
}

void detail::check_class_weights(const char* name, const Tensor& weights) {
  if (!weights.defined()) return;
  const std::vector<double> values = weights.to_vector<double>();
  for (std::size_t i = 0; i < values.size(); ++i)
    check(values[i] >= 0 && std::isfinite(values[i]),
          "{}: finite class weights of at least 0 were required: got {} for class {}", name,
          values[i], i);
}

Var cross_entropy(const In& logits, const IndexTensor& target, const CrossEntropyOptions& o) {
  const Caller caller(logits.where());
  detail::check_class_weights("cross_entropy", o.class_weights);
  return detail::reduced("cross_entropy", cross_entropy_rows(logits, target, o), target, o);
}

}  // namespace unroll
