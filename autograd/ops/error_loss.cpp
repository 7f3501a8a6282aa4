// Losses of the difference e = x - target of two tensors, each computed in one pass over memory.
#include <unroll/autograd/fused.h>
#include <unroll/autograd/ops.h>
#include <unroll/autograd/ops/loss.h>
#include <unroll/tensor/kernels/elementwise.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/strided.h>

#include <variant>

namespace unroll {
namespace {

const Op mse_op{"mse_loss"}, l1_op{"l1_loss"}, huber_op{"huber_loss"};

using kernels::Binary, kernels::Unary;

struct Loss {
  enum Kind { squared, absolute, huber } kind;
  double delta = 0;  // Huber's
};

template <class T>
void clamp_to_delta(const Loss& loss, const T* e, T* q, Index n) {
  kernels::unary(Unary::clamp, e, q, n, static_cast<T>(-loss.delta), static_cast<T>(loss.delta));
}

// e = f(e) for n elements in the L1 cache.
template <class T>
void apply_loss(const Loss& loss, T* e, Index n) {
  if (loss.kind != Loss::huber)
    return kernels::unary(loss.kind == Loss::squared ? Unary::square : Unary::abs, e, e, n);
  // q (e - q / 2), where q is e clamped to +-delta; this form is smooth at 0.
  T q[tuning::kNearElements], half_q[tuning::kNearElements];
  const T half = T{1} / 2;
  clamp_to_delta(loss, e, q, n);
  kernels::binary(Binary::mul, q, 1, &half, 0, half_q, n);
  kernels::binary(Binary::sub, e, 1, half_q, 1, e, n);
  kernels::binary(Binary::mul, q, 1, e, 1, e, n);
}

// e = g f'(e); the stride of g is 0 or 1.
template <class T>
void apply_slope(const Loss& loss, const T* g, Index stride, T* e, Index n) {
  if (loss.kind != Loss::huber)
    return kernels::unary_gradient(loss.kind == Loss::squared ? Unary::square : Unary::abs, g,
                                   stride, e, 1, e, n);
  clamp_to_delta(loss, e, e, n);
  kernels::binary(Binary::mul, g, stride, e, 1, e, n);
}

Var reference(const Loss& loss, const Var& e) {
  if (loss.kind == Loss::squared) return square(e);
  if (loss.kind == Loss::absolute) return abs(e);
  const Var q = clamp(e, -loss.delta, loss.delta);
  return q * (e - q * 0.5);
}

// f(x - target), or with g its gradient g f'(x - target).
Tensor over_difference(const Loss& loss, const Tensor& x, const Tensor& target, const Tensor* g) {
  Tensor y = detail::empty_for(x.shape(), {&x, &target});
  dispatch(y.dtype(), [&]<class T>() {
    detail::elementwise_near<T>(y, {&x, &target, g ? g : &x},
                                [&](const T* const* from, const Index* strides, T* to, Index n) {
                                  kernels::binary(Binary::sub, from[0], strides[0], from[1],
                                                  strides[1], to, n);
                                  if (g) {
                                    apply_slope(loss, from[2], strides[2], to, n);
                                  } else {
                                    apply_loss(loss, to, n);
                                  }
                                });
  });
  return y;
}

Var of_difference(const Op& op, const In& x, const In& target, const Loss& loss) {
  return fused(
             op, {*x, *target}, x.where(),
             [&](const FusedInputs& in) {
               return FusedOutputs<std::monostate>{{over_difference(loss, in[0], in[1], nullptr)},
                                                   {}};
             },
             [loss](const FusedInputs& in, const std::monostate&, FusedGradients g, Cotangents& d) {
               const Tensor dx = over_difference(loss, in[0], in[1], &g[0]);
               d.add(0, Var(dx));
               if (d.needs(1)) d.add(1, sum_to(-Var(dx), in[1].shape()));
             },
             [loss](const std::vector<Var>& in) {
               return std::vector<Var>{reference(loss, in[0] - in[1])};
             })
      .front();
}

}  // namespace

Var detail::squared_error(const In& x, const In& target) {
  return of_difference(mse_op, x, target, {Loss::squared});
}
Var detail::absolute_error(const In& x, const In& target) {
  return of_difference(l1_op, x, target, {Loss::absolute});
}
Var detail::huber_error(const In& x, const In& target, double delta) {
  return of_difference(huber_op, x, target, {Loss::huber, delta});
}

}  // namespace unroll
