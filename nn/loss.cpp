#include <unroll/autograd/ops/loss.h>
#include <unroll/nn/loss.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/reduce.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace unroll::nn {
namespace {

using unroll::detail::check_class_weights;
using unroll::detail::reduced;

void check_pair(const char* name, const In& x, const In& target) {
  check_defined(name, *x);
  target.like(x);
  if (target.is_number()) return;
  check_defined(name, *target);
  check(x->shape() == target->shape() && x->dtype() == target->dtype(),
        "{}: a target of the shape {} and type {} was required: got {} of {}", name, x->shape(),
        name_of(x->dtype()), target->shape(), name_of(target->dtype()));
}

// Element weights in x's dtype; undefined if none are given.
Tensor weights_for(const char* name, const In& x, const Tensor& given) {
  if (!given.defined()) return given;
  check(broadcast(name, x->shape(), given.shape()) == x->shape(),
        "{}: weights that broadcast to {} were required: got {}", name, x->shape(), given.shape());
  return given.to(x->dtype());
}

}  // namespace

Var nll_loss(const In& x, const IndexTensor& target, const CrossEntropyOptions& o) {
  const Caller caller(x.where());
  check_defined("nll_loss", *x);
  check(x->rank() == 2 && target.shape() == Shape({x->shape()[0]}),
        "nll_loss: log probabilities [N, V] and N target ids were required: got {} and {}",
        x->shape(), target.shape());
  check(o.label_smoothing == 0,
        "nll_loss: no label smoothing was required (cross_entropy has it): got {}",
        o.label_smoothing);
  target.check_range("nll_loss", x->shape()[1], o.ignore_id);
  check(!o.class_weights.defined() || o.class_weights.shape() == Shape({x->shape()[1]}),
        "nll_loss: class weights of shape [{}] were required: got {}", x->shape()[1],
        o.class_weights.defined() ? o.class_weights.shape() : Shape());
  check_class_weights("nll_loss", o.class_weights);
  const bool ignores = std::find(target.begin(), target.end(), o.ignore_id) != target.end();
  const Index n = target.numel();
  IndexTensor picked = target.reshape({n, 1});
  if (ignores) {
    std::vector<Index> ids(target.begin(), target.end());
    std::replace(ids.begin(), ids.end(), o.ignore_id, Index{0});
    picked = IndexTensor(std::move(ids), {n, 1});
  }
  Var rows = -reshape(gather(x, 1, picked), target.shape());
  if (ignores) {  // whatever their log probability is
    Tensor ignored = Tensor::zeros({n}, x->dtype());
    for (Index i = 0; i < n; ++i)
      if (target[i] == o.ignore_id) ignored.set({i}, 1);
    rows = masked_fill(rows, ignored, 0);
  }
  if (o.class_weights.defined()) {
    Tensor weights = Tensor::zeros({n}, x->dtype());
    for (Index i = 0; i < n; ++i)
      if (target[i] != o.ignore_id) weights.set({i}, o.class_weights.at({target[i]}));
    rows = rows * weights;
  }
  return reduced("nll_loss", rows, target, o);
}

Var mse_loss(const In& x, const In& target, Reduction reduction) {
  const Caller caller(x.where());
  check_pair("mse_loss", x, target);
  return reduced("mse_loss", unroll::detail::squared_error(x, target), reduction);
}

Var l1_loss(const In& x, const In& target, Reduction reduction) {
  const Caller caller(x.where());
  check_pair("l1_loss", x, target);
  return reduced("l1_loss", unroll::detail::absolute_error(x, target), reduction);
}

Var huber_loss(const In& x, const In& target, const HuberOptions& o) {
  const Caller caller(x.where());
  check_pair("huber_loss", x, target);
  check(o.delta > 0 && std::isfinite(o.delta),
        "huber_loss: a finite delta above 0 was required: got {}", o.delta);
  return reduced("huber_loss", unroll::detail::huber_error(x, target, o.delta), o.reduction);
}

Var bce_with_logits(const In& x, const In& target, const BCEOptions& o) {
  const Caller caller(x.where());
  check_pair("bce_with_logits", x, target);
  if (target->numel() > 0) {
    const double low = min(target.value()).item(), high = max(target.value()).item();
    check(low >= 0 && high <= 1,
          "bce_with_logits: probabilities in [0, 1] were required as targets: got {} to {}", low,
          high);
  }
  const Tensor weight = weights_for("bce_with_logits", x, o.weight);
  const Tensor positive_weight = weights_for("bce_with_logits", x, o.positive_weight);
  // p y softplus(-x) + (1 - y) softplus(x), with p the weight of the positive class.
  Var positive = *target * softplus(-*x);
  if (positive_weight.defined()) positive = positive * positive_weight;
  Var loss = positive + (1.0 - *target) * softplus(x);
  if (weight.defined()) loss = loss * weight;
  return reduced("bce_with_logits", loss, o.reduction);
}

Var gaussian_nll(const In& mean, const In& target, const In& variance,
                 const GaussianNLLOptions& o) {
  const Caller caller(mean.where());
  check(o.eps > 0 && std::isfinite(o.eps),
        "gaussian_nll: a finite eps above 0 was required: got {}", o.eps);
  check_pair("gaussian_nll", mean, target);
  variance.like(mean);
  check_defined("gaussian_nll", *variance);
  check(broadcast("gaussian_nll", mean->shape(), variance->shape()) == mean->shape() &&
            variance->dtype() == mean->dtype(),
        "gaussian_nll: variances that broadcast to {} of type {} were required: got {} of {}",
        mean->shape(), name_of(mean->dtype()), variance->shape(), name_of(variance->dtype()));
  if (variance->numel() > 0) {
    const double lowest = min(variance.value()).item();
    check(lowest >= 0, "gaussian_nll: variances of at least 0 were required: got {}", lowest);
  }
  // As in PyTorch, the lower limit changes the value but not the gradient.
  const auto number = [&](double value) { return Tensor::scalar(value, variance->dtype()); };
  const Tensor missing = maximum(sub(number(o.eps), variance.value()), number(0));
  const Var v = *variance + missing;
  Var loss = (log(v) + square(*mean - *target) / v) * 0.5;
  if (o.full) loss = loss + 0.5 * std::log(2 * std::numbers::pi);
  return reduced("gaussian_nll", loss, o.reduction);
}

}  // namespace unroll::nn
