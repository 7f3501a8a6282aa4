// Cross entropy of rows of scores, fused: the scores and two numbers a row are kept, never the
// probabilities beside them.
//
// With p = softmax(x), t the target, w the class weights and e the label smoothing, the loss of a
// row is
//   (1 - e) w_t (lse - x_t) + e / V sum_v w_v (lse - x_v),   lse = log sum exp x
// as PyTorch defines it.
#include <unroll/autograd/ops.h>
#include <unroll/tensor/kernels/parallel_rows.h>
#include <unroll/tensor/kernels/rows.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/reduce.h>

namespace unroll {
namespace {

const Op cross_entropy_op{"cross_entropy"};

// The weight of each class: [V] ones where none are given.
Tensor weights_of(const CrossEntropyOptions& options, Index classes, DType dtype) {
  if (!options.class_weights.defined()) return Tensor::ones({classes}, dtype);
  check(options.class_weights.shape() == Shape({classes}),
        "cross_entropy: class weights of shape [{}] were required: got {}", classes,
        options.class_weights.shape());
  return options.class_weights.to(dtype).contiguous();
}

Var cross_entropy_plainly(const Var& x, const IndexTensor& target, const CrossEntropyOptions& o) {
  const Index n = x.shape()[0], v = x.shape()[1];
  const Tensor weights = weights_of(o, v, x.dtype());
  Tensor q = Tensor::zeros({n, v}, x.dtype());  // what each -log p counts
  Tensor ignored = Tensor::zeros({n, 1}, x.dtype());
  for (Index i = 0; i < n; ++i) {
    if (target[i] == o.ignore_id) {
      ignored.set({i, 0}, 1);
      continue;
    }
    for (Index j = 0; j < v; ++j)
      q.set({i, j}, weights.at({j}) * (o.label_smoothing / static_cast<double>(v) +
                                       (j == target[i] ? 1 - o.label_smoothing : 0)));
  }
  // A class that does not count may have a score of -inf.
  return -sum(where(q, log_softmax(masked_fill(x, ignored, 0)) * q, 0.0), {1});
}

}  // namespace

Var cross_entropy_rows(const In& x, const IndexTensor& target, const CrossEntropyOptions& o) {
  check_defined("cross_entropy", *x);
  check(x->rank() == 2 && x->shape()[1] >= 1 && target.shape() == Shape({x->shape()[0]}),
        "cross_entropy: scores [N, V], V at least 1, and N target ids were required: got {} and {}",
        x->shape(), target.shape());
  const Index rows = x->shape()[0], classes = x->shape()[1];
  check(o.label_smoothing >= 0 && o.label_smoothing <= 1,
        "cross_entropy: label smoothing in [0, 1] was required: got {}", o.label_smoothing);
  target.check_range("cross_entropy", classes, o.ignore_id);
  const Tensor weights = weights_of(o, classes, x->dtype());
  const double total_weight = sum(weights).item();
  const double e = o.label_smoothing, share = e / static_cast<double>(classes);
  const Tensor scores = x.value().contiguous();
  const LogSumExp parts = logsumexp_parts(scores);
  const Tensor top = parts.top, log_sum = parts.log_sum;
  Tensor loss = Tensor::zeros({rows}, x->dtype());
  dispatch(x->dtype(), [&]<class T>() {
    const T *top_at = top.data<T>(), *log_sum_at = log_sum.data<T>();
    for (Index i = 0; i < rows; ++i) {
      const Index t = target[i];
      if (t == o.ignore_id) continue;
      const T* row = scores.data<T>() + i * classes;
      const double m = static_cast<double>(top_at[i]), z = static_cast<double>(log_sum_at[i]);
      const auto minus_log_p = [&](Index v) { return m - static_cast<double>(row[v]) + z; };
      double value = (1 - e) * weights.at({t}) * minus_log_p(t);
      if (e > 0)
        for (Index v = 0; v < classes; ++v)
          value += share * static_cast<double>(weights.data<T>()[v]) * minus_log_p(v);
      loss.data<T>()[i] = static_cast<T>(value);
    }
  });
  return record(cross_entropy_op, loss, {&x}, [=, x = *x](const Var& g, Cotangents& d) {
    if (recording())
      return d.add_through(
          [&](const std::vector<Var>& in) -> std::vector<Var> {
            return {cross_entropy_plainly(in[0], target, o)};
          },
          {x}, {&g, 1});
    const Tensor from = x.value().contiguous(), gradient = g.value().contiguous();
    Tensor dx = Tensor::empty(x.shape(), x.dtype());
    Tensor scale = Tensor::zeros({rows}, x.dtype());
    dispatch(x.dtype(), [&]<class T>() {
      const T* gp = gradient.data<T>();
      const T* w = weights.data<T>();
      for (Index i = 0; i < rows; ++i)
        if (target[i] != o.ignore_id)
          scale.data<T>()[i] =
              static_cast<T>(static_cast<double>(gp[i]) *
                             ((1 - e) * static_cast<double>(w[target[i]]) + share * total_weight));
      const T *scores_at = from.data<T>(), *scale_at = std::as_const(scale).template data<T>();
      const T *top_at = top.template data<T>(), *log_sum_at = log_sum.template data<T>();
      T* dx_at = dx.data<T>();
      kernels::parallel_rows(rows, classes, [&](Index first, Index count) {
        kernels::scaled_softmax_rows<T>(scores_at + first * classes, top_at + first,
                                        log_sum_at + first, scale_at + first,
                                        dx_at + first * classes, count, classes);
        for (Index i = first; i < first + count; ++i) {
          const Index t = target[i];
          if (t == o.ignore_id) continue;
          T* row = dx_at + i * classes;
          row[t] -= gp[i] * static_cast<T>(1 - e) * w[t];
          if (e > 0)
            for (Index v = 0; v < classes; ++v) row[v] -= gp[i] * static_cast<T>(share) * w[v];
        }
      });
    });
    d.add(0, Var(dx));
  });
}

}  // namespace unroll
