#include <unroll/tensor/kernels/attention.h>
#include <unroll/tensor/kernels/denormals.h>
#include <unroll/tensor/kernels/panels.h>
#include <unroll/tensor/kernels/scratch.h>
#include <unroll/tensor/kernels/tuning.h>
#include <unroll/tensor/threads.h>

#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "unroll/tensor/kernels/attention.cpp"
#include <hwy/foreach_target.h>

#include <unroll/tensor/kernels/simd_math.h>

HWY_BEFORE_NAMESPACE();
namespace unroll::kernels::HWY_NAMESPACE {
namespace {

constexpr Index kQueries = tuning::kAttentionQueries;

HWY_INLINE Index round_up(Index n, Index to) { return (n + to - 1) / to * to; }

// Copies one head of the given rows to contiguous memory, times a factor.
template <class T>
void gather(const Matrix<const T>& from, const Index* rows, Index count, Index column, Index size,
            T factor, T* to) {
  const hn::ScalableTag<T> d;
  const auto f = hn::Set(d, factor);
  for (Index r = 0; r < count; ++r, to += size) {
    const T* row = from.at(rows[r], column);
    each<T>(size, [&](Index j, Index n)
                      UNROLL_INLINED { store(hn::Mul(load(row + j, n), f), to + j, n); });
  }
}
template <class T>
void spread(const T* from, const Matrix<T>& to, const Index* rows, Index count, Index column,
            Index size) {
  for (Index r = 0; r < count; ++r, from += size) std::copy_n(from, size, to.at(rows[r], column));
}

template <class T>
Matrix<const T> contiguous(const T* data, Index rows, Index columns) {
  return {data, rows, columns, columns};
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
  Scratch<T> q{queries * a.size}, k{keys * a.size}, packed_k{padded * a.size};
  Scratch<T> logits{kQueries * padded};
  Panels<T> k_panels{};

  Head(const Attention<T>& given, Index sequence, Index head) : a(given), s(sequence), h(head) {
    gather(a.q, q_rows, queries, h * a.size, a.size, a.scale, q.get());
    gather(a.k, k_rows, keys, h * a.size, a.size, T{1}, k.get());
    k_panels = pack(contiguous(k.get(), keys, a.size).transpose(), packed_k.get());
  }
  // The number of keys that query t sees.
  Index seen(Index t) const {
    return a.causal ? std::clamp<Index>(t + 1 + keys - queries, 0, keys) : keys;
  }
  // Computes the logits of queries [t, t + count) against all keys that any of them sees, `columns`
  // per row.
  Index compute_logits(Index t, Index count) {
    const Index columns = round_up(seen(t + count - 1), width);
    multiply(contiguous(q.get() + t * a.size, count, a.size), k_panels, {},
             Matrix<T>{logits.get(), count, columns, columns});
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
void forward_head(const Attention<T>& a, Index s, Index h, const Matrix<T>& out,
                  SoftmaxOfRow<T>* softmax) {
  constexpr T kInf = std::numeric_limits<T>::infinity();
  const hn::ScalableTag<T> d;
  Head<T> head(a, s, h);
  const Index size = a.value_size, keys = head.keys;
  Scratch<T> v(keys * size), packed(round_up(size, head.width) * keys), block(kQueries * size);
  gather(a.v, head.k_rows, keys, h * size, size, T{1}, v.get());
  const Panels<T> v_panels = pack(contiguous(v.get(), keys, size), packed.get());
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
    multiply(Matrix<const T>{head.logits.get(), count, std::min(columns, keys), columns}, v_panels,
             {}, Matrix<T>{block.get(), count, size, size});
    for (Index r = 0; r < count; ++r) {
      const auto factor = hn::Set(d, sums[r] == 0 ? T{0} : T{1} / sums[r]);
      T* to = out.at(head.q_rows[t + r], h * size);
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
void backward_head(const Attention<T>& a, Index s, Index h, const Matrix<const T>& d_out,
                   const SoftmaxOfRow<T>* softmax, const AttentionGradients<T>& d_in) {
  const hn::ScalableTag<T> d;
  Head<T> head(a, s, h);
  const Index size = a.size, wide = a.value_size, keys = head.keys;
  Scratch<T> v(keys * wide), packed_v(head.padded * wide);
  Scratch<T> packed_k(round_up(size, head.width) * keys);
  gather(a.v, head.k_rows, keys, h * wide, wide, T{1}, v.get());
  const Panels<T> v_panels_t = pack(contiguous(v.get(), keys, wide).transpose(), packed_v.get());
  const Panels<T> k_panels = pack(contiguous(head.k.get(), keys, size), packed_k.get());
  Scratch<T> slopes(kQueries * head.padded);  // dS
  Scratch<T> g(kQueries * wide);
  Scratch<T> dq_block(kQueries * size), dk_all(keys * size), dv_all(keys * wide);
  std::fill_n(dk_all.get(), keys * size, T{0});
  std::fill_n(dv_all.get(), keys * wide, T{0});
  blocks(head.queries, [&](Index t, Index count) {
    const Index columns = head.compute_logits(t, count), reached = std::min(columns, keys);
    gather(d_out, head.q_rows + t, count, h * wide, wide, T{1}, g.get());
    multiply(contiguous(g.get(), count, wide), v_panels_t, {},
             Matrix<T>{slopes.get(), count, columns, columns});
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
    multiply(Matrix<const T>{slopes.get(), count, reached, columns}, k_panels, {},
             Matrix<T>{dq_block.get(), count, size, size});
    for (Index r = 0; r < count; ++r) {
      T* to = d_in.q.at(head.q_rows[t + r], h * size);
      for (Index j = 0; j < size; ++j) to[j] = a.scale * dq_block.get()[r * size + j];
    }
    // dv += P^T d_out and dk += dS^T q, for the keys that were reached.
    const auto add = [&](T* weights, const T* rows, Index width, T* sums) {
      const Matrix<const T> left{weights, count, reached, columns};
      multiply_once(left.transpose(), contiguous(rows, count, width), {sums, width},
                    Matrix<T>{sums, reached, width, width});
    };
    add(head.logits.get(), g.get(), wide, dv_all.get());
    add(slopes.get(), head.q.get() + t * size, size, dk_all.get());
  });
  spread(dk_all.get(), d_in.k, head.k_rows, keys, h * size, size);
  spread(dv_all.get(), d_in.v, head.k_rows, keys, h * wide, wide);
}

}  // namespace

UNROLL_KERNELS(AttentionKernels, forward_head<T>, backward_head<T>)

}  // namespace unroll::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace unroll::kernels {
UNROLL_EXPORT(AttentionKernels)

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

template <class T>
void attention_forward(const Attention<T>& a, Matrix<T> out, SoftmaxOfRow<T>* softmax) {
  each_head(a.queries, a.heads, [&](Index s, Index h) {
    table<AttentionKernels, T>().forward_head(a, s, h, out, softmax);
  });
}
template <class T>
void attention_backward(const Attention<T>& a, Matrix<const T> d_out,
                        const SoftmaxOfRow<T>* softmax, const AttentionGradients<T>& gradients) {
  each_head(a.queries, a.heads, [&](Index s, Index h) {
    table<AttentionKernels, T>().backward_head(a, s, h, d_out, softmax, gradients);
  });
}

#define UNROLL_FOR(T)                                                                            \
  template void attention_forward(const Attention<T>&, Matrix<T>, SoftmaxOfRow<T>*);             \
  template void attention_backward(const Attention<T>&, Matrix<const T>, const SoftmaxOfRow<T>*, \
                                   const AttentionGradients<T>&);
UNROLL_FOR(float)
UNROLL_FOR(double)
#undef UNROLL_FOR

}  // namespace unroll::kernels
#endif
