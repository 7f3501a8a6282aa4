#include <unroll/tensor/kernels/ctc.h>
#include <unroll/tensor/kernels/scratch.h>

#include <algorithm>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "unroll/tensor/kernels/ctc.cpp"
#include <hwy/foreach_target.h>

#include <unroll/tensor/kernels/simd_math.h>

HWY_BEFORE_NAMESPACE();
namespace unroll::kernels::HWY_NAMESPACE {
namespace {

template <class T>
constexpr T kNone = -std::numeric_limits<T>::infinity();
// What is subtracted from values that are all -inf, so that -inf remains.
template <class T>
constexpr T kLow = std::numeric_limits<T>::lowest() / 4;

// The log probability of the symbol of each state in frame t.
template <class T>
void emissions(const CTC<T>& c, Index t, T* y) {
  const Index r = c.rows[t];
  const T *x = c.logits + r * c.classes, top = c.top[r], log_sum = c.log_sum[r];
  for (Index s = 0; s < c.states; ++s) y[s] = x[c.symbols[s]] - top - log_sum;
}

// One frame: to(s) = y(s) - shift + logsumexp(from(s), from(s + by), from(s + 2 by) + skip(s)).
// Returns the maximum, which is the next shift; 0 if there is none.
template <class T>
T advance(const T* from, Index by, const T* skip, const T* y, T shift, T* to, Index states) {
  const hn::ScalableTag<T> d;
  const auto none = hn::Set(d, kNone<T>);
  auto top = none;
  each<T>(states, [&](Index s, Index n) UNROLL_INLINED {
    const auto a = load(from + s, n), b = load(from + s + by, n),
               e = hn::Add(load(from + s + 2 * by, n), load(skip + s, n));
    const auto m = hn::Max(hn::Max(hn::Max(a, b), e), hn::Set(d, kLow<T>));
    const auto sum =
        hn::Add(hn::Add(exp(d, hn::Sub(a, m)), exp(d, hn::Sub(b, m))), exp(d, hn::Sub(e, m)));
    const auto value = hn::Add(hn::Add(m, log(d, sum)), hn::Sub(load(y + s, n), hn::Set(d, shift)));
    store(value, to + s, n);
    // Of a partial vector, the other lanes do not count.
    const auto inside = hn::FirstN(d, static_cast<std::size_t>(n));
    top = hn::Max(top, hn::IfThenElse(inside, value, none));
  });
  const T largest = hn::GetLane(hn::MaxOfLanes(d, top));
  return largest > kNone<T> ? largest : T{0};
}

// Softmax of n values.
template <class T>
void normalise(T* values, Index n) {
  const hn::ScalableTag<T> d;
  const T top = std::max(*std::max_element(values, values + n), kLow<T>);
  auto sums = hn::Zero(d);
  each<T>(n, [&](Index s, Index k) UNROLL_INLINED {
    const auto value = exp(d, hn::Sub(load(values + s, k), hn::Set(d, top)));
    store(value, values + s, k);
    sums = hn::Add(sums, hn::IfThenElseZero(hn::FirstN(d, static_cast<std::size_t>(k)), value));
  });
  const T factor = 1 / hn::GetLane(hn::SumOfLanes(d, sums));
  for (Index s = 0; s < n; ++s) values[s] *= factor;
}

template <class T>
double forward(const CTC<T>& c, T* alpha) {
  const Index n = c.states;
  Scratch<T> y(n), start(c.stride());
  // Before the first frame all alignments are in state 0, from which states 0 and 1 follow.
  std::fill_n(start.get(), c.stride(), kNone<T>);
  start.get()[2] = 0;
  const T* from = start.get() + 2;
  T shift = 0;
  double total = 0;
  for (Index t = 0; t < c.frames; ++t) {
    T* row = alpha + t * c.stride();
    row[0] = row[1] = kNone<T>;
    emissions(c, t, y.get());
    total += static_cast<double>(shift);
    shift = advance(from, -1, c.skip, y.get(), shift, row + 2, n);
    from = row + 2;
  }
  const double last = static_cast<double>(from[n - 1]),
               before = n > 1 ? static_cast<double>(from[n - 2]) : kNone<double>;
  const double top = std::max(last, before);
  if (top == kNone<double>) return top;
  return total + top + std::log(std::exp(last - top) + std::exp(before - top));
}

template <class T>
void backward(const CTC<T>& c, const T* alpha, T scale, T* d_logits) {
  const Index n = c.states;
  Scratch<T> y(n), buffers(3 * c.stride());
  // beta of this frame and the next one, each followed by two elements of -inf.
  T *next = buffers.get(), *here = next + c.stride(), *weights = here + c.stride();
  std::fill_n(buffers.get(), 2 * c.stride(), kNone<T>);
  next[n - 1] = 0;  // after the last frame all alignments are in the last state
  T shift = 0;
  for (Index t = c.frames - 1; t >= 0; --t) {
    emissions(c, t, y.get());
    shift = advance(next, 1, c.skip + 2, y.get(), shift, here, n);
    // alpha and beta both contain y.
    const T* a = alpha + t * c.stride() + 2;
    for (Index s = 0; s < n; ++s)
      weights[s] = y.get()[s] == kNone<T> ? kNone<T> : a[s] + here[s] - y.get()[s];
    normalise(weights, n);
    T* d = d_logits + c.rows[t] * c.classes;
    for (Index s = 0; s < n; ++s) d[c.symbols[s]] -= scale * weights[s];
    std::swap(next, here);
  }
}

}  // namespace

UNROLL_KERNELS(CTCKernels, forward<T>, backward<T>)

}  // namespace unroll::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace unroll::kernels {
UNROLL_EXPORT(CTCKernels)
}  // namespace unroll::kernels
#endif
