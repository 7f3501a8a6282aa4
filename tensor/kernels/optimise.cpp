#include <unroll/tensor/kernels/optimise.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "unroll/tensor/kernels/optimise.cpp"
#include <hwy/foreach_target.h>

#include <unroll/tensor/kernels/simd_math.h>

HWY_BEFORE_NAMESPACE();
namespace unroll::kernels::HWY_NAMESPACE {
namespace {

// Calls f(load, store) for each vector: load(p) and store(v, p) access the elements of array p at
// the current position.
template <class T, class F>
HWY_INLINE void sweep(Index n, F f) {
  const hn::ScalableTag<T> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  Index i = 0;
  for (; i + lanes <= n; i += lanes)
    f([&](const T* p) { return hn::LoadU(d, p + i); },
      [&](hn::Vec<decltype(d)> v, T* p) { hn::StoreU(v, d, p + i); });
  if (i < n) {
    const auto left = static_cast<std::size_t>(n - i);
    f([&](const T* p) { return load_n(d, p + i, left); },
      [&](hn::Vec<decltype(d)> v, T* p) { store_n(v, d, p + i, left); });
  }
}

template <class T>
void sgd_run(const Update& u, T* value, const T* gradient, T* velocity, Index n) {
  const hn::ScalableTag<T> d;
  const auto number = [&](double x) { return hn::Set(d, static_cast<T>(x)); };
  const auto decay = number(u.weight_decay), momentum = number(u.momentum), lr = number(u.lr);
  sweep<T>(n, [&](auto load, auto store) {
    auto x = load(value), g = hn::MulAdd(decay, x, load(gradient));
    if (velocity) {
      const auto v = hn::MulAdd(momentum, load(velocity), g);
      store(v, velocity);
      g = u.nesterov ? hn::MulAdd(momentum, v, g) : v;
    }
    store(hn::NegMulAdd(lr, g, x), value);
  });
}

template <class T>
void rmsprop_run(const Update& u, T* value, const T* gradient, T* square, T* mean, T* velocity,
                 Index n) {
  const hn::ScalableTag<T> d;
  const auto number = [&](double x) { return hn::Set(d, static_cast<T>(x)); };
  const auto decay = number(u.weight_decay), momentum = number(u.momentum), lr = number(u.lr),
             eps = number(u.eps);
  const auto keep = number(u.alpha), take = number(1 - u.alpha);
  sweep<T>(n, [&](auto load, auto store) {
    auto x = load(value), g = hn::MulAdd(decay, x, load(gradient));
    const auto s = hn::MulAdd(keep, load(square), hn::Mul(take, hn::Mul(g, g)));
    store(s, square);
    auto variance = s;
    if (mean) {
      const auto m = hn::MulAdd(keep, load(mean), hn::Mul(take, g));
      store(m, mean);
      variance = at_least(d, hn::NegMulAdd(m, m, s), 0);  // rounding may make it negative
    }
    auto move = hn::Div(g, hn::Add(hn::Sqrt(variance), eps));
    if (velocity) {
      move = hn::MulAdd(momentum, load(velocity), move);
      store(move, velocity);
    }
    store(hn::NegMulAdd(lr, move, x), value);
  });
}

template <class T>
void adagrad_run(const Update& u, T* value, const T* gradient, T* sum, Index n) {
  const hn::ScalableTag<T> d;
  const auto number = [&](double x) { return hn::Set(d, static_cast<T>(x)); };
  const auto decay = number(u.weight_decay), lr = number(u.lr), eps = number(u.eps);
  sweep<T>(n, [&](auto load, auto store) {
    const auto x = load(value), g = hn::MulAdd(decay, x, load(gradient));
    const auto s = hn::MulAdd(g, g, load(sum));
    store(s, sum);
    store(hn::NegMulAdd(lr, hn::Div(g, hn::Add(hn::Sqrt(s), eps)), x), value);
  });
}

template <class T>
void adam_run(const Update& u, T* value, const T* gradient, T* mean, T* square, Index n) {
  const hn::ScalableTag<T> d;
  const auto number = [&](double x) { return hn::Set(d, static_cast<T>(x)); };
  const auto decay = number(u.decoupled ? 0 : u.weight_decay),
             shrink = number(u.decoupled ? 1 - u.lr * u.weight_decay : 1);
  const auto b1 = number(u.beta1), a1 = number(1 - u.beta1), b2 = number(u.beta2),
             a2 = number(1 - u.beta2);
  const auto step = number(u.lr / u.correction1), scale = number(1 / std::sqrt(u.correction2)),
             eps = number(u.eps);
  sweep<T>(n, [&](auto load, auto store) {
    auto x = load(value);
    const auto g = hn::MulAdd(decay, x, load(gradient));
    const auto m = hn::MulAdd(b1, load(mean), hn::Mul(a1, g));
    const auto s = hn::MulAdd(b2, load(square), hn::Mul(a2, hn::Mul(g, g)));
    store(m, mean);
    store(s, square);
    const auto below = hn::MulAdd(hn::Sqrt(s), scale, eps);
    store(hn::NegMulAdd(step, hn::Div(m, below), hn::Mul(x, shrink)), value);
  });
}

}  // namespace

UNROLL_KERNELS(OptimiseKernels, sgd_run<T>, rmsprop_run<T>, adagrad_run<T>, adam_run<T>)

}  // namespace unroll::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace unroll::kernels {
UNROLL_EXPORT(OptimiseKernels)
}  // namespace unroll::kernels
#endif
