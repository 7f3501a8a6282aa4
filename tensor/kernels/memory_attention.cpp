#include <unroll/tensor/kernels/denormals.h>
#include <unroll/tensor/kernels/memory_attention.h>
#include <unroll/tensor/kernels/scratch.h>
#include <unroll/tensor/threads.h>

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "unroll/tensor/kernels/memory_attention.cpp"
#include <hwy/foreach_target.h>

#include <unroll/tensor/kernels/simd_math.h>

HWY_BEFORE_NAMESPACE();
namespace unroll::kernels::HWY_NAMESPACE {
namespace {

// Calls f(c, count) for each vector of n columns, the tail last. f is instantiated once, unlike in
// `each`, because tanh is long.
template <class T, class F>
HWY_INLINE void each_vector(Index n, F f) {
  const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<T>()));
  for (Index c = 0; c < n; c += lanes) f(c, std::min(lanes, n - c));
}

// What pair_logits adds up: x y; tanh(x + y); or, for rows e^2x and e^2y, tanh(x + y) = 1 - 2 / (1
// + e^2x e^2y), which takes a fraction of the time for many pairs of few rows. Its error is that of
// rounding x and y, which are rounded results themselves.
enum class Pair { product, tanh, tanh_of_exp };

template <Pair pair, class D, class V>
HWY_INLINE V tanh_of(D d, V x, V y) {
  if constexpr (pair == Pair::tanh_of_exp) {
    const V one = hn::Set(d, 1), b = hn::MulAdd(x, y, one);
    if constexpr (kEstimates<D>) {
      const V r = hn::ApproximateReciprocal(b);  // and a step of Newton's method for 2 / b
      const V two_r = hn::Add(r, r);
      return hn::NegMulAdd(two_r, hn::NegMulAdd(b, r, hn::Set(d, 2)), one);
    } else {
      return hn::Sub(one, hn::Div(hn::Set(d, 2), b));
    }
  } else {
    return tanh(d, hn::Add(x, y));
  }
}

// out(i, j) = a_i . b_j, or v . tanh(..).
template <Pair pair, class T>
void pair_logits(Picked<const T> a, Picked<const T> b, const T* v, Pairs<T> out) {
  const hn::ScalableTag<T> d;
  for (Index i = 0; i < a.count; ++i)
    for (Index j = 0; j < b.count; ++j) {
      const T *x = a.row(i), *y = b.row(j);
      auto sum = hn::Zero(d);
      each_vector<T>(a.size, [&](Index c, Index n) UNROLL_INLINED {
        if constexpr (pair == Pair::product) {
          sum = hn::MulAdd(load(x + c, n), load(y + c, n), sum);
        } else {
          sum = hn::MulAdd(load(v + c, n), tanh_of<pair>(d, load(x + c, n), load(y + c, n)), sum);
        }
      });
      out.at(i, j) = hn::GetLane(hn::SumOfLanes(d, sum));
    }
}

// to_i = e^2x of row i, contiguous. Returns false if this is of no use, because |x| is above
// kFarthest or NaN.
constexpr double kFarthest = 20;  // products of two are below the largest f32, e^88.7
template <class T>
bool exp_of_doubled(Picked<const T> from, T* to) {
  const hn::ScalableTag<T> d;
  auto in_range = hn::Eq(hn::Zero(d), hn::Zero(d));
  for (Index i = 0; i < from.count; ++i, to += from.size)
    each_vector<T>(from.size, [&](Index c, Index n) UNROLL_INLINED {
      const auto x = load(from.row(i) + c, n);
      in_range = hn::And(in_range, hn::Le(hn::Abs(x), hn::Set(d, static_cast<T>(kFarthest))));
      store(exp(d, hn::Add(x, x)), to + c, n);
    });
  return hn::AllTrue(d, in_range);
}

// to_i = sum over j of weights(i, j) from_j. Four vectors at a time, so that additions overlap.
template <class T>
void weighted_sums_run(Pairs<const T> weights, Picked<const T> from, Picked<T> to) {
  const hn::ScalableTag<T> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  for (Index i = 0; i < to.count; ++i) {
    Index c = 0;
    for (; c + 4 * lanes <= to.size; c += 4 * lanes) {
      auto a = hn::Zero(d), b = a, e = a, f = a;
      for (Index j = 0; j < from.count; ++j) {
        const auto weight = hn::Set(d, weights.at(i, j));
        const T* x = from.row(j) + c;
        a = hn::MulAdd(weight, hn::LoadU(d, x), a);
        b = hn::MulAdd(weight, hn::LoadU(d, x + lanes), b);
        e = hn::MulAdd(weight, hn::LoadU(d, x + 2 * lanes), e);
        f = hn::MulAdd(weight, hn::LoadU(d, x + 3 * lanes), f);
      }
      T* y = to.row(i) + c;
      hn::StoreU(a, d, y);
      hn::StoreU(b, d, y + lanes);
      hn::StoreU(e, d, y + 2 * lanes);
      hn::StoreU(f, d, y + 3 * lanes);
    }
    for (; c < to.size; c += lanes) {
      const Index n = std::min(lanes, to.size - c);
      auto sum = hn::Zero(d);
      for (Index j = 0; j < from.count; ++j)
        sum = hn::MulAdd(hn::Set(d, weights.at(i, j)), load(from.row(j) + c, n), sum);
      store(sum, to.row(i) + c, n);
    }
  }
}

// The backward of v . tanh(..), given the gradient g of the logits. Vector by vector of the
// columns, so that the sums over pairs stay in registers. Overwrites da, db and dv.
template <Pair pair, class T>
void additive_backward(Pairs<const T> g, Picked<const T> a, Picked<const T> b, const T* v,
                       Picked<T> da, Picked<T> db, T* dv) {
  const hn::ScalableTag<T> d;
  // The rows of a sequence are often a large power of two apart, where they evict each other. So
  // they are collected side by side.
  Scratch<T> near(b.count * b.size);
  std::fill_n(near.get(), b.count * b.size, T{0});
  each_vector<T>(a.size, [&](Index c, Index n) UNROLL_INLINED {
    const auto factor = load(v + c, n), one = hn::Set(d, T{1});
    auto sum_v = hn::Zero(d);
    for (Index i = 0; i < a.count; ++i) {
      const auto x = load(a.row(i) + c, n);
      auto sum_a = hn::Zero(d);
      for (Index j = 0; j < b.count; ++j) {
        const auto slope = hn::Set(d, g.at(i, j));
        const auto t = tanh_of<pair>(d, x, load(b.row(j) + c, n));
        const auto s = hn::Mul(hn::Mul(slope, factor), hn::NegMulAdd(t, t, one));
        sum_v = hn::MulAdd(slope, t, sum_v);
        sum_a = hn::Add(sum_a, s);
        T* sum_b = near.get() + j * b.size + c;
        store(hn::Add(load(sum_b, n), s), sum_b, n);
      }
      store(sum_a, da.row(i) + c, n);
    }
    store(sum_v, dv + c, n);
  });
  for (Index j = 0; j < b.count; ++j) std::copy_n(near.get() + j * b.size, b.size, db.row(j));
}

// Calls f(a, b, std::integral_constant<Pair, ..>) with the rows, or with e^2x of them if that is
// possible and saves time.
template <class T, class F>
void with_exponentials(Picked<const T> a, Picked<const T> b, F f) {
  if constexpr (sizeof(T) == 4) {  // the error would be too large for f64, which checks derivatives
    if (a.count > 1) {
      Scratch<T> x(a.count * a.size), y(b.count * b.size);
      if (exp_of_doubled(a, x.get()) && exp_of_doubled(b, y.get()))
        return f(Picked<const T>{x.get(), nullptr, a.count, a.size},
                 Picked<const T>{y.get(), nullptr, b.count, b.size},
                 std::integral_constant<Pair, Pair::tanh_of_exp>());
    }
  }
  f(a, b, std::integral_constant<Pair, Pair::tanh>());
}

template <class T>
void products_run(Picked<const T> a, Picked<const T> b, Pairs<T> out) {
  pair_logits<Pair::product, T>(a, b, nullptr, out);
}
template <class T>
void additive_logits_run(Picked<const T> a, Picked<const T> b, const T* v, Pairs<T> out) {
  with_exponentials(
      a, b, [&](auto x, auto y, auto pair) { pair_logits<decltype(pair)::value>(x, y, v, out); });
}
template <class T>
void additive_backward_run(Pairs<const T> g, Picked<const T> a, Picked<const T> b, const T* v,
                           Picked<T> da, Picked<T> db, T* dv) {
  with_exponentials(a, b, [&](auto x, auto y, auto pair) {
    additive_backward<decltype(pair)::value>(g, x, y, v, da, db, dv);
  });
}

}  // namespace

UNROLL_KERNELS(MemoryAttentionKernels, products_run<T>, additive_logits_run<T>,
               weighted_sums_run<T>, additive_backward_run<T>)

}  // namespace unroll::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace unroll::kernels {
UNROLL_EXPORT(MemoryAttentionKernels)

namespace {

// In place. A NaN among the logits makes all weights NaN.
template <class T>
void softmax(T* row, Index n) {
  T top = row[0];
  for (Index j = 1; j < n; ++j) top = row[j] > top ? row[j] : top;
  T sum = 0;
  for (Index j = 0; j < n; ++j) sum += row[j] = std::exp(row[j] - top);
  for (Index j = 0; j < n; ++j) row[j] /= sum;
}

// Copies of some rows, side by side. Rows that are a large power of two apart evict each other,
// which matters if they are read for several queries.
template <class T>
class Nearby {
 public:
  Nearby(Picked<const T> from, Index queries)
      : copy_(queries > 1 ? from.count * from.size : 0), rows_(from) {
    if (queries <= 1) return;
    for (Index j = 0; j < from.count; ++j)
      std::copy_n(from.row(j), from.size, copy_.get() + j * from.size);
    rows_ = {copy_.get(), nullptr, from.count, from.size};
  }
  const Picked<const T>& rows() const { return rows_; }

 private:
  Scratch<T> copy_;
  Picked<const T> rows_;
};

// One group of a call.
template <class T>
struct Group {
  const MemoryAttention<T>& a;
  Index s;
  Index queries = a.queries.length(s), keys = a.keys.length(s);
  const Index *q_rows = a.queries.rows + a.queries.offsets[s],
              *k_rows = a.keys.rows + a.keys.offsets[s];

  template <class X>
  Picked<X> of_queries(X* data, Index size) const {
    return {data, q_rows, queries, size};
  }
  template <class X>
  Picked<X> of_keys(X* data, Index size) const {
    return {data, k_rows, keys, size};
  }
};

}  // namespace

template <class T>
void memory_attention_forward(const MemoryAttention<T>& a, T* out, T* weights) {
  const MemoryAttentionKernels<T>& run = table<MemoryAttentionKernels, T>();
  parallel_for(a.queries.count, [&](Index s) {
    const FlushDenormals flush;
    const Group<T> g{a, s};
    if (g.queries == 0) return;
    Scratch<T> w(g.queries * g.keys);  // [T, S]
    const auto q = g.of_queries(a.q, a.size), k = g.of_keys(a.k, a.size);
    const Pairs<T> logits{w.get(), g.keys, 1};
    a.v ? run.additive_logits(q, k, a.v, logits) : run.products(q, k, logits);
    for (Index t = 0; t < g.queries; ++t) {
      softmax(w.get() + t * g.keys, g.keys);
      std::copy_n(w.get() + t * g.keys, g.keys, weights + a.weights_at[g.q_rows[t]]);
    }
    const Nearby<T> values(g.of_keys(a.values, a.value_size), g.queries);
    run.weighted_sums({w.get(), g.keys, 1}, values.rows(), g.of_queries(out, a.value_size));
  });
}

// W are the weights, G = d_out values^T + d_weights their gradient, D = row sums of W G:
//   d_values = W^T d_out,  d_logits = W (G - D).
template <class T>
void memory_attention_backward(const MemoryAttention<T>& a, const T* weights,
                               const MemoryAttentionGradients<T>& d) {
  const MemoryAttentionKernels<T>& run = table<MemoryAttentionKernels, T>();
  parallel_for(a.queries.count, [&](Index s) {
    const FlushDenormals flush;
    const Group<T> g{a, s};
    const Index keys = g.keys, pairs = g.queries * keys;
    Scratch<T> w(pairs), slopes(pairs);  // [T, S]
    const auto q = g.of_queries(a.q, a.size), k = g.of_keys(a.k, a.size);
    for (Index t = 0; t < g.queries; ++t)
      std::copy_n(weights + a.weights_at[g.q_rows[t]], keys, w.get() + t * keys);
    const auto d_values = g.of_keys(d.values, a.value_size);
    if (d.out) {
      const auto d_out = g.of_queries(d.out, a.value_size);
      const Nearby<T> values(g.of_keys(a.values, a.value_size), g.queries);
      run.products(d_out, values.rows(), {slopes.get(), keys, 1});
      run.weighted_sums({w.get(), 1, keys}, d_out, d_values);
    } else {
      std::fill_n(slopes.get(), pairs, T{0});
      for (Index j = 0; j < keys; ++j) std::fill_n(d_values.row(j), a.value_size, T{0});
    }
    for (Index t = 0; t < g.queries; ++t) {
      T *ds = slopes.get() + t * keys, mean = 0;
      const T* wt = w.get() + t * keys;
      if (d.weights)
        for (Index j = 0; j < keys; ++j) ds[j] += d.weights[a.weights_at[g.q_rows[t]] + j];
      for (Index j = 0; j < keys; ++j) mean += wt[j] * ds[j];
      for (Index j = 0; j < keys; ++j) ds[j] = wt[j] * (ds[j] - mean);
    }
    const auto dq = g.of_queries(d.q, a.size), dk = g.of_keys(d.k, a.size);
    if (a.v) {
      run.additive_backward({slopes.get(), keys, 1}, q, k, a.v, dq, dk, d.v + g.s * a.size);
    } else {
      run.weighted_sums({slopes.get(), keys, 1}, k, dq);
      run.weighted_sums({slopes.get(), 1, keys}, q, dk);
    }
  });
}

#define UNROLL_FOR(T)                                                          \
  template void memory_attention_forward(const MemoryAttention<T>&, T*, T*);   \
  template void memory_attention_backward(const MemoryAttention<T>&, const T*, \
                                          const MemoryAttentionGradients<T>&);
UNROLL_FOR(float)
UNROLL_FOR(double)
#undef UNROLL_FOR

}  // namespace unroll::kernels
#endif
