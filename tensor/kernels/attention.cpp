#include <unroll/tensor/kernels/attention.h>
#include <unroll/tensor/kernels/denormals.h>
#include <unroll/tensor/kernels/panels.h>
#include <unroll/tensor/kernels/scratch.h>
#include <unroll/tensor/threads.h>

#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "unroll/tensor/kernels/attention.cpp"
#include <hwy/foreach_target.h>

#include <unroll/tensor/kernels/simd_math.h>

HWY_BEFORE_NAMESPACE();
namespace unroll::kernels::HWY_NAMESPACE {
namespace {

constexpr Index kQueries = 48;  // queries per block: its logits stay in the L2 cache

HWY_INLINE Index round_up(Index n, Index to) { return (n + to - 1) / to * to; }

// Copies one head of the given rows to contiguous memory, times a factor.
template <class T>
void gather(Rows<const T> from, const Index* rows, Index count, Index column, Index size, T factor,
            T* to) {
  const hn::ScalableTag<T> d;
  const auto f = hn::Set(d, factor);
  for (Index r = 0; r < count; ++r, to += size) {
    const T* row = from.data + rows[r] * from.stride + column;
    each<T>(size, [&](Index j, Index n)
                      UNROLL_INLINED { store(hn::Mul(load(row + j, n), f), to + j, n); });
  }
}
template <class T>
void spread(const T* from, Rows<T> to, const Index* rows, Index count, Index column, Index size) {
  for (Index r = 0; r < count; ++r, from += size)
    std::copy_n(from, size, to.data + rows[r] * to.stride + column);
}

// One head of one sequence.
template <class T>
struct Head {
  const Attention<T>& a;
  Index s, h;
  Index queries = a.queries.length(s), keys = a.keys.length(s);
  const Index* q_rows = a.queries.rows + a.queries.offsets[s];
  const Index* k_rows = a.keys.rows + a.keys.offsets[s];
  Index width = panel_width<T>(), padded = round_up(keys, width);
  // Scaled queries, and keys packed in panels: [size, keys].
  Scratch<T> q{queries * a.size}, k{keys * a.size}, k_panels_t{padded * a.size};
  Scratch<T> logits{kQueries * padded};

  Head(const Attention<T>& given, Index sequence, Index head) : a(given), s(sequence), h(head) {
    gather(a.q, q_rows, queries, h * a.size, a.size, a.scale, q.get());
    gather(a.k, k_rows, keys, h * a.size, a.size, T{1}, k.get());
    pack(k.get(), Index{1}, a.size, a.size, keys, k_panels_t.get());
  }
  // The number of keys that query t sees.
  Index seen(Index t) const {
    return a.causal ? std::clamp<Index>(t + 1 + keys - queries, 0, keys) : keys;
  }
  // Computes the logits of queries [t, t + count) against all keys that any of them sees, `columns`
  // per row.
  Index compute_logits(Index t, Index count) {
    const Index columns = round_up(seen(t + count - 1), width);
    multiply(count, columns, a.size, Left<T>{q.get() + t * a.size, a.size},
             Packed<T>{k_panels_t.get(), a.size}, nullptr, 0, logits.get(), columns);
    return columns;
  }
  Index place(Index t) const { return q_rows[t] * a.heads + h; }  // index of a query's softmax
};

// Multiplies the first `count` weights (or their gradients) of a row by their dropout factors.
template <class T>
void drop(const AttentionDropout& dropout, Index place, T* row, Index count) {
  const hn::ScalableTag<T> d;
  const hn::Rebind<std::uint32_t, decltype(d)> du;  // the same number of lanes
  const hn::RebindToUnsigned<decltype(d)> wide;
  const auto scale = hn::Set(d, static_cast<T>(dropout.scale()));
  const auto limit = hn::Set(wide, dropout.limit());
  const auto places = hn::Mul(hn::Iota(du, 0), hn::Set(du, AttentionDropout::kNext));
  const std::uint32_t key = dropout.key_of(place);
  each<T>(count, [&](Index j, Index n) UNROLL_INLINED {
    const std::uint32_t start = key + static_cast<std::uint32_t>(j) * AttentionDropout::kNext;
    auto x = hn::Add(places, hn::Set(du, start));
    x = hn::Mul(hn::Xor(x, hn::ShiftRight<16>(x)), hn::Set(du, 0x85ebca6bu));
    x = hn::Mul(hn::Xor(x, hn::ShiftRight<13>(x)), hn::Set(du, 0xc2b2ae35u));
    x = hn::Xor(x, hn::ShiftRight<16>(x));
    if constexpr (sizeof(T) == 4) {
      const auto dropped = hn::RebindMask(d, hn::Lt(x, limit));
      store(hn::IfThenZeroElse(dropped, hn::Mul(load(row + j, n), scale)), row + j, n);
    } else {
      const auto dropped = hn::RebindMask(d, hn::Lt(hn::PromoteTo(wide, x), limit));
      store(hn::IfThenZeroElse(dropped, hn::Mul(load(row + j, n), scale)), row + j, n);
    }
  });
}

// Calls f(t, count) for each block of queries.
template <class F>
HWY_INLINE void blocks(Index queries, F f) {
  for (Index t = 0; t < queries; t += kQueries) f(t, std::min(kQueries, queries - t));
}

template <class T>
void forward_head(const Attention<T>& a, Index s, Index h, Rows<T> out, SoftmaxOfRow<T>* softmax) {
  constexpr T kInf = std::numeric_limits<T>::infinity();
  const hn::ScalableTag<T> d;
  Head<T> head(a, s, h);
  const Index size = a.value_size, keys = head.keys;
  Scratch<T> v(keys * size), panels(round_up(size, head.width) * keys), block(kQueries * size);
  gather(a.v, head.k_rows, keys, h * size, size, T{1}, v.get());
  pack(v.get(), size, Index{1}, keys, size, panels.get());
  blocks(head.queries, [&](Index t, Index count) {
    const Index columns = head.compute_logits(t, count);
    T sums[kQueries];
    for (Index r = 0; r < count; ++r) {
      T* row = head.logits.get() + r * columns;
      const Index seen = head.seen(t + r);
      auto top = hn::Set(d, -kInf);
      each<T>(seen, [&](Index j, Index n) UNROLL_INLINED {
        auto x = load(row + j, n);
        if (n < static_cast<Index>(hn::Lanes(d)))
          x = hn::IfThenElse(hn::FirstN(d, static_cast<std::size_t>(n)), x, hn::Set(d, -kInf));
        top = hn::IfThenElse(hn::Or(hn::Gt(x, top), hn::IsNaN(x)), x, top);
      });
      // If any logit is NaN, the maximum is NaN, and so is the result.
      const T most = hn::AllFalse(d, hn::IsNaN(top)) ? hn::GetLane(hn::MaxOfLanes(d, top))
                                                     : std::numeric_limits<T>::quiet_NaN();
      const auto shift = hn::Set(d, most == -kInf ? T{0} : most);
      auto sum = hn::Zero(d);
      each<T>(seen, [&](Index j, Index n) UNROLL_INLINED {
        auto e = exp(d, hn::Sub(load(row + j, n), shift));
        if (n < static_cast<Index>(hn::Lanes(d)))
          e = hn::IfThenElseZero(hn::FirstN(d, static_cast<std::size_t>(n)), e);
        sum = hn::Add(sum, e);
        store(e, row + j, n);
      });
      std::fill(row + seen, row + columns, T{0});
      sums[r] = hn::GetLane(hn::SumOfLanes(d, sum));
      softmax[head.place(t + r)] = {most, sums[r] == 0 ? T{0} : std::log(sums[r])};
      if (a.dropout.p > 0) drop(a.dropout, head.place(t + r), row, seen);
    }
    multiply(count, size, std::min(columns, keys), Left<T>{head.logits.get(), columns},
             Packed<T>{panels.get(), keys}, nullptr, 0, block.get(), size);
    for (Index r = 0; r < count; ++r) {
      const auto factor = hn::Set(d, sums[r] == 0 ? T{0} : T{1} / sums[r]);
      T* to = out.data + head.q_rows[t + r] * out.stride + h * size;
      const T* from = block.get() + r * size;
      each<T>(size, [&](Index j, Index n)
                        UNROLL_INLINED { store(hn::Mul(load(from + j, n), factor), to + j, n); });
    }
  });
}

// P are the weights, G = d_out v^T, D = row sums of P G:
//   dv = P^T d_out,  dS = P (G - D),  dq = scale dS k,  dk = dS^T (scale q).
// With dropout factors M, G is replaced by G M, and P in dv by P M. D is computed from the same P
// and G, so that dS is exactly 0 if one key has all the weight.
template <class T>
void backward_head(const Attention<T>& a, Index s, Index h, Rows<const T> d_out,
                   const SoftmaxOfRow<T>* softmax, Rows<T> dq, Rows<T> dk, Rows<T> dv) {
  const hn::ScalableTag<T> d;
  Head<T> head(a, s, h);
  const Index size = a.size, wide = a.value_size, keys = head.keys;
  Scratch<T> v(keys * wide), v_panels_t(head.padded * wide);
  Scratch<T> k_panels(round_up(size, head.width) * keys);
  gather(a.v, head.k_rows, keys, h * wide, wide, T{1}, v.get());
  pack(v.get(), Index{1}, wide, wide, keys, v_panels_t.get());
  pack(head.k.get(), size, Index{1}, keys, size, k_panels.get());
  Scratch<T> slopes(kQueries * head.padded);  // dS
  Scratch<T> g(kQueries * wide);
  Scratch<T> dq_block(kQueries * size), dk_all(keys * size), dv_all(keys * wide);
  std::fill_n(dk_all.get(), keys * size, T{0});
  std::fill_n(dv_all.get(), keys * wide, T{0});
  blocks(head.queries, [&](Index t, Index count) {
    const Index columns = head.compute_logits(t, count), reached = std::min(columns, keys);
    gather(d_out, head.q_rows + t, count, h * wide, wide, T{1}, g.get());
    multiply(count, columns, wide, Left<T>{g.get(), wide}, Packed<T>{v_panels_t.get(), wide},
             nullptr, 0, slopes.get(), columns);
    for (Index r = 0; r < count; ++r) {
      T *p = head.logits.get() + r * columns, *ds = slopes.get() + r * columns;
      const auto [top, log_sum] = softmax[head.place(t + r)];
      const Index seen = top == -std::numeric_limits<T>::infinity() ? 0 : head.seen(t + r);
      const auto shift = hn::Set(d, top), log = hn::Set(d, log_sum);
      auto sum = hn::Zero(d);
      if (a.dropout.p > 0) drop(a.dropout, head.place(t + r), ds, seen);
      each<T>(seen, [&](Index j, Index n) UNROLL_INLINED {
        auto weight = exp(d, hn::Sub(hn::Sub(load(p + j, n), shift), log));
        if (n < static_cast<Index>(hn::Lanes(d)))
          weight = hn::IfThenElseZero(hn::FirstN(d, static_cast<std::size_t>(n)), weight);
        store(weight, p + j, n);
        sum = hn::MulAdd(weight, load(ds + j, n), sum);
      });
      const auto mean = hn::Set(d, hn::GetLane(hn::SumOfLanes(d, sum)));
      each<T>(seen, [&](Index j, Index n) UNROLL_INLINED {
        store(hn::Mul(load(p + j, n), hn::Sub(load(ds + j, n), mean)), ds + j, n);
      });
      if (a.dropout.p > 0) drop(a.dropout, head.place(t + r), p, seen);
      std::fill(p + seen, p + columns, T{0});
      std::fill(ds + seen, ds + columns, T{0});
    }
    multiply(count, size, reached, Left<T>{slopes.get(), columns}, Packed<T>{k_panels.get(), keys},
             nullptr, 0, dq_block.get(), size);
    for (Index r = 0; r < count; ++r) {
      T* to = dq.data + head.q_rows[t + r] * dq.stride + h * size;
      for (Index j = 0; j < size; ++j) to[j] = a.scale * dq_block.get()[r * size + j];
    }
    multiply_once(reached, wide, count, Left<T>{head.logits.get(), columns, true}, g.get(), wide,
                  dv_all.get(), wide, dv_all.get(), wide);
    multiply_once(reached, size, count, Left<T>{slopes.get(), columns, true},
                  head.q.get() + t * size, size, dk_all.get(), size, dk_all.get(), size);
  });
  spread(dk_all.get(), dk, head.k_rows, keys, h * size, size);
  spread(dv_all.get(), dv, head.k_rows, keys, h * wide, wide);
}

}  // namespace

#define UNROLL_FOR(T, suffix)                                                                    \
  void attention_forward_##suffix(const Attention<T>& a, Index s, Index h, Rows<T> out,          \
                                  SoftmaxOfRow<T>* softmax) {                                    \
    forward_head(a, s, h, out, softmax);                                                         \
  }                                                                                              \
  void attention_backward_##suffix(const Attention<T>& a, Index s, Index h, Rows<const T> d_out, \
                                   const SoftmaxOfRow<T>* softmax, Rows<T> dq, Rows<T> dk,       \
                                   Rows<T> dv) {                                                 \
    backward_head(a, s, h, d_out, softmax, dq, dk, dv);                                          \
  }
UNROLL_FOR(float, f32)
UNROLL_FOR(double, f64)
#undef UNROLL_FOR

}  // namespace unroll::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace unroll::kernels {
namespace {

// Each head of each sequence is an independent task.
template <class F>
void each_head(const RowGroups& queries, Index heads, F f) {
  parallel_for(queries.count * heads, [&](Index i) {
    const FlushDenormals flush;
    f(i / heads, i % heads);
  });
}

}  // namespace

#define UNROLL_EXPORT(T, suffix)                                                                   \
  HWY_EXPORT(attention_forward_##suffix);                                                          \
  HWY_EXPORT(attention_backward_##suffix);                                                         \
  template <>                                                                                      \
  void attention_forward<T>(const Attention<T>& a, Rows<T> out, SoftmaxOfRow<T>* softmax) {        \
    each_head(a.queries, a.heads, [&](Index s, Index h) {                                          \
      HWY_DYNAMIC_DISPATCH(attention_forward_##suffix)(a, s, h, out, softmax);                     \
    });                                                                                            \
  }                                                                                                \
  template <>                                                                                      \
  void attention_backward<T>(const Attention<T>& a, Rows<const T> d_out,                           \
                             const SoftmaxOfRow<T>* softmax, Rows<T> dq, Rows<T> dk, Rows<T> dv) { \
    each_head(a.queries, a.heads, [&](Index s, Index h) {                                          \
      HWY_DYNAMIC_DISPATCH(attention_backward_##suffix)(a, s, h, d_out, softmax, dq, dk, dv);      \
    });                                                                                            \
  }
UNROLL_EXPORT(float, f32)
UNROLL_EXPORT(double, f64)
#undef UNROLL_EXPORT

}  // namespace unroll::kernels
#endif
