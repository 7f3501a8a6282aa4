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

// The panels of a packed W from a row on, or from a column on that begins a panel.
template <class T>
Panels<T> from_row(const Panels<T>& w, Index row) {
  return {w.data + row * w.stride, w.stride, w.panel_stride};
}
template <class T>
Panels<T> from_column(const Panels<T>& w, Index column, Index width) {
  return {w.data + column / width * w.panel_stride, w.stride, w.panel_stride};
}

// Keys [first, end).
struct Span {
  Index first, end;
  Index count() const { return end - first; }
};

// One head of keys and values of one sequence, with one of the heads of queries that use it.
template <class T>
struct Head {
  const Attention<T>& a;
  Index s, kv;     // the sequence; the head of keys and values
  Index head = 0;  // of queries
  Index queries = a.queries.length(s), keys = a.keys.length(s);
  const Index* q_rows = a.queries.rows + a.queries.offsets[s];
  const Index* k_rows = a.keys.rows + a.keys.offsets[s];
  Index width = panel_width<T>(), padded = round_up(keys, width);
  // Scaled queries, and keys packed in panels: [size, keys].
  Scratch<T> q{queries * a.size}, k{keys * a.size}, packed_k{padded * a.size};
  Scratch<T> logits{kQueries * max_columns()};
  Panels<T> k_panels{};

  Head(const Attention<T>& given, Index sequence, Index kv_head)
      : a(given), s(sequence), kv(kv_head) {
    gather(a.k, k_rows, keys, kv * a.size, a.size, T{1}, k.get());
    k_panels = pack(contiguous(k.get(), keys, a.size).transpose(), packed_k.get());
  }
  // Calls f for each head of queries, once its queries are in q.
  template <class F>
  void each_query_head(F f) {
    const Index group = a.heads / a.kv_heads;
    for (head = kv * group; head < (kv + 1) * group; ++head) {
      gather(a.q, q_rows, queries, head * a.size, a.size, a.scale, q.get());
      f(head);
    }
  }
  // The keys that query t sees.
  Span seen(Index t) const {
    const Index at = t + keys - queries;  // the key at the position of the query
    Span out{0, keys};
    if (a.causal) out.end = at + 1;
    if (a.window > 0) {
      out.first = at - a.window + 1;
      out.end = std::min(out.end, at + a.window);
    }
    out.first = std::clamp<Index>(out.first, 0, keys);
    out.end = std::clamp<Index>(out.end, out.first, keys);
    return out;
  }
  // The keys that any of the queries [t, t + count) sees, in whole panels; `end` may exceed `keys`.
  Span columns_of(Index t, Index count) const {
    const Index first = seen(t).first / width * width;
    return {first, std::max(first, round_up(seen(t + count - 1).end, width))};
  }
  Index max_columns() const {
    if (a.window == 0) return padded;
    return std::min(padded, round_up((a.causal ? 1 : 2) * a.window + kQueries, width) + width);
  }
  // Computes the logits of queries [t, t + count) against these keys.
  void compute_logits(Index t, Index count, Span columns) {
    multiply(contiguous(q.get() + t * a.size, count, a.size),
             from_column(k_panels, columns.first, width), {},
             Matrix<T>{logits.get(), count, columns.count(), columns.count()});
  }
  Index place(Index t) const { return q_rows[t] * a.heads + head; }  // index of a query's softmax
};

// Zeros what is not seen of a row of `columns`.
template <class T>
void hide(Span seen, Span columns, T* row) {
  std::fill(row, row + (seen.first - columns.first), T{0});
  std::fill(row + (seen.end - columns.first), row + columns.count(), T{0});
}

// Multiplies the weights (or their gradients) of keys `seen` by their dropout factors; `row` begins
// with that of the first one.
template <class T>
void drop(const AttentionDropout& dropout, Index place, Span seen, T* row) {
  const hn::ScalableTag<T> d;
  const hn::Rebind<std::uint32_t, decltype(d)> du;  // the same number of lanes
  const hn::RebindToUnsigned<decltype(d)> wide;
  const auto scale = hn::Set(d, static_cast<T>(dropout.scale()));
  const auto limit = hn::Set(wide, dropout.limit());
  const auto places = hn::Mul(hn::Iota(du, 0), hn::Set(du, AttentionDropout::kNext));
  const std::uint32_t key =
      dropout.key_of(place) + static_cast<std::uint32_t>(seen.first) * AttentionDropout::kNext;
  each<T>(seen.count(), [&](Index j, Index n) UNROLL_INLINED {
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

// Replaces logits by exp(logit - top); returns top, the maximum, and the sum.
template <class T>
struct TopAndSum {
  T top, sum;
};
template <class T>
HWY_NOINLINE TopAndSum<T> exponentials(T* row, Index count) {
  constexpr T kInf = std::numeric_limits<T>::infinity();
  const hn::ScalableTag<T> d;
  auto top = hn::Set(d, -kInf);
  each<T>(count, [&](Index j, Index n) UNROLL_INLINED {
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
  each<T>(count, [&](Index j, Index n) UNROLL_INLINED {
    auto e = exp(d, hn::Sub(load(row + j, n), shift));
    if (n < static_cast<Index>(hn::Lanes(d)))
      e = hn::IfThenElseZero(hn::FirstN(d, static_cast<std::size_t>(n)), e);
    sum = hn::Add(sum, e);
    store(e, row + j, n);
  });
  return {most, hn::GetLane(hn::SumOfLanes(d, sum))};
}

template <class T>
void forward_head(const Attention<T>& a, Index s, Index kv, const Matrix<T>& out,
                  SoftmaxOfRow<T>* softmax) {
  const hn::ScalableTag<T> d;
  Head<T> head(a, s, kv);
  const Index size = a.value_size, keys = head.keys;
  Scratch<T> v(keys * size), packed(round_up(size, head.width) * keys), block(kQueries * size);
  gather(a.v, head.k_rows, keys, kv * size, size, T{1}, v.get());
  const Panels<T> v_panels = pack(contiguous(v.get(), keys, size), packed.get());
  head.each_query_head([&](Index h) {
    blocks(head.queries, [&](Index t, Index count) {
      const Span columns = head.columns_of(t, count);
      const Index stride = columns.count();
      head.compute_logits(t, count, columns);
      T sums[kQueries];
      for (Index r = 0; r < count; ++r) {
        const Span seen = head.seen(t + r);
        T* all = head.logits.get() + r * stride;
        T* row = all + (seen.first - columns.first);
        const auto [top, sum] = exponentials(row, seen.count());
        hide(seen, columns, all);
        sums[r] = sum;
        softmax[head.place(t + r)] = {top, sum == 0 ? T{0} : std::log(sum)};
        if (a.dropout.p > 0) drop(a.dropout, head.place(t + r), seen, row);
      }
      multiply(Matrix<const T>{head.logits.get(), count,
                               std::min(columns.end, keys) - columns.first, stride},
               from_row(v_panels, columns.first), {}, Matrix<T>{block.get(), count, size, size});
      for (Index r = 0; r < count; ++r) {
        const auto factor = hn::Set(d, sums[r] == 0 ? T{0} : T{1} / sums[r]);
        T* to = out.at(head.q_rows[t + r], h * size);
        const T* from = block.get() + r * size;
        each<T>(size, [&](Index j, Index n)
                          UNROLL_INLINED { store(hn::Mul(load(from + j, n), factor), to + j, n); });
      }
    });
  });
}

// P are the weights, G = d_out v^T, D = row sums of P G:
//   dv = P^T d_out,  dS = P (G - D),  dq = scale dS k,  dk = dS^T (scale q).
// With dropout factors M, G is replaced by G M, and P in dv by P M. D is computed from the same P
// and G, so that dS is exactly 0 if one key has all the weight.
template <class T>
void backward_head(const Attention<T>& a, Index s, Index kv, const Matrix<const T>& d_out,
                   const SoftmaxOfRow<T>* softmax, const AttentionGradients<T>& d_in) {
  const hn::ScalableTag<T> d;
  Head<T> head(a, s, kv);
  const Index size = a.size, wide = a.value_size, keys = head.keys;
  Scratch<T> v(keys * wide), packed_v(head.padded * wide);
  Scratch<T> packed_k(round_up(size, head.width) * keys);
  gather(a.v, head.k_rows, keys, kv * wide, wide, T{1}, v.get());
  const Panels<T> v_panels_t = pack(contiguous(v.get(), keys, wide).transpose(), packed_v.get());
  const Panels<T> k_panels = pack(contiguous(head.k.get(), keys, size), packed_k.get());
  Scratch<T> slopes(kQueries * head.max_columns());  // dS
  Scratch<T> g(kQueries * wide);
  Scratch<T> dq_block(kQueries * size), dk_all(keys * size), dv_all(keys * wide);
  std::fill_n(dk_all.get(), keys * size, T{0});
  std::fill_n(dv_all.get(), keys * wide, T{0});
  head.each_query_head([&](Index h) {
    blocks(head.queries, [&](Index t, Index count) {
      const Span columns = head.columns_of(t, count);
      const Index stride = columns.count(), reached = std::min(columns.end, keys) - columns.first;
      head.compute_logits(t, count, columns);
      gather(d_out, head.q_rows + t, count, h * wide, wide, T{1}, g.get());
      multiply(contiguous(g.get(), count, wide), from_column(v_panels_t, columns.first, head.width),
               {}, Matrix<T>{slopes.get(), count, stride, stride});
      for (Index r = 0; r < count; ++r) {
        const auto [top, log_sum] = softmax[head.place(t + r)];
        Span seen = head.seen(t + r);
        if (top == -std::numeric_limits<T>::infinity()) seen.end = seen.first;
        T *all_p = head.logits.get() + r * stride, *all_ds = slopes.get() + r * stride;
        T *p = all_p + (seen.first - columns.first), *ds = all_ds + (seen.first - columns.first);
        const auto shift = hn::Set(d, top), log = hn::Set(d, log_sum);
        auto sum = hn::Zero(d);
        if (a.dropout.p > 0) drop(a.dropout, head.place(t + r), seen, ds);
        each<T>(seen.count(), [&](Index j, Index n) UNROLL_INLINED {
          auto weight = exp(d, hn::Sub(hn::Sub(load(p + j, n), shift), log));
          if (n < static_cast<Index>(hn::Lanes(d)))
            weight = hn::IfThenElseZero(hn::FirstN(d, static_cast<std::size_t>(n)), weight);
          store(weight, p + j, n);
          sum = hn::MulAdd(weight, load(ds + j, n), sum);
        });
        const auto mean = hn::Set(d, hn::GetLane(hn::SumOfLanes(d, sum)));
        each<T>(seen.count(), [&](Index j, Index n) UNROLL_INLINED {
          store(hn::Mul(load(p + j, n), hn::Sub(load(ds + j, n), mean)), ds + j, n);
        });
        if (a.dropout.p > 0) drop(a.dropout, head.place(t + r), seen, p);
        hide(seen, columns, all_p);
        hide(seen, columns, all_ds);
      }
      multiply(Matrix<const T>{slopes.get(), count, reached, stride},
               from_row(k_panels, columns.first), {}, Matrix<T>{dq_block.get(), count, size, size});
      for (Index r = 0; r < count; ++r) {
        T* to = d_in.q.at(head.q_rows[t + r], h * size);
        for (Index j = 0; j < size; ++j) to[j] = a.scale * dq_block.get()[r * size + j];
      }
      // dv += P^T d_out and dk += dS^T q, for the keys that were reached.
      const auto add = [&](T* weights, const T* rows, Index width, T* all) {
        T* sums = all + columns.first * width;
        const Matrix<const T> left{weights, count, reached, stride};
        multiply_once(left.transpose(), contiguous(rows, count, width), {sums, width},
                      Matrix<T>{sums, reached, width, width});
      };
      add(head.logits.get(), g.get(), wide, dv_all.get());
      add(slopes.get(), head.q.get() + t * size, size, dk_all.get());
    });
  });
  spread(dk_all.get(), d_in.k, head.k_rows, keys, kv * size, size);
  spread(dv_all.get(), d_in.v, head.k_rows, keys, kv * wide, wide);
}

// The product of two contiguous rows.
template <class T>
HWY_INLINE T dot(const T* x, const T* y, Index size) {
  const hn::ScalableTag<T> d;
  auto sum = hn::Zero(d);  // load() reads zeros beyond the end
  each<T>(size, [&](Index j, Index n)
                    UNROLL_INLINED { sum = hn::MulAdd(load(x + j, n), load(y + j, n), sum); });
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

// Rows of keys or values of a query.
template <class T>
struct StepRows {
  const T* data;
  Index stride;
  const Index* rows;  // null: consecutive ones from `data` on
  StepRows(const Matrix<const T>& x, const KeysOfQuery& keys)
      : data(x.at(keys.rows ? 0 : keys.first, 0)), stride(x.row_stride), rows(keys.rows) {}
  HWY_INLINE const T* at(Index j) const { return data + (rows ? rows[j] : j) * stride; }
};

// A key's row is read once for all heads, so that memory is read in order.
template <class T>
void step_heads(const AttentionStep<T>& a, Index r, Index kv, Index kv_end, const Matrix<T>& out) {
  const hn::ScalableTag<T> d;
  const KeysOfQuery keys = a.keys[r];
  const Index size = a.value_size, group = a.heads / a.kv_heads, count = keys.count;
  const Index first = kv * group, heads = (kv_end - kv) * group;  // of queries
  const StepRows<T> k(a.k, keys), v(a.v, keys);
  Scratch<T> weights(heads * count);  // [heads, keys]
  for (Index j = 0; j < count; ++j) {
    const T* row = k.at(j) + kv * a.size;
    for (Index h = 0; h < heads; ++h)
      weights.get()[h * count + j] =
          a.scale * dot(a.q.at(r, (first + h) * a.size), row + h / group * a.size, a.size);
  }
  T* to = out.at(r, first * size);
  std::fill_n(to, heads * size, T{0});
  for (Index h = 0; h < heads; ++h) {
    T* w = weights.get() + h * count;
    const T sum = exponentials(w, count).sum;
    const T factor = sum == 0 ? T{0} : T{1} / sum;
    for (Index j = 0; j < count; ++j) w[j] *= factor;
  }
  // Four keys at a time; beyond the last one, weights of 0 with its values.
  for (Index j = 0; j < count; j += 4) {
    const T* rows[4];
    for (Index i = 0; i < 4; ++i) rows[i] = v.at(std::min(j + i, count - 1)) + kv * size;
    for (Index h = 0; h < heads; ++h) {
      const T* w = weights.get() + h * count + j;
      const Index column = h / group * size;
      const auto weight = [&](Index i)
                              UNROLL_INLINED { return hn::Set(d, j + i < count ? w[i] : T{0}); };
      const auto w0 = weight(0), w1 = weight(1), w2 = weight(2), w3 = weight(3);
      each<T>(size, [&](Index c, Index n) UNROLL_INLINED {
        auto sum = load(to + h * size + c, n);
        sum = hn::MulAdd(w0, load(rows[0] + column + c, n), sum);
        sum = hn::MulAdd(w1, load(rows[1] + column + c, n), sum);
        sum = hn::MulAdd(w2, load(rows[2] + column + c, n), sum);
        sum = hn::MulAdd(w3, load(rows[3] + column + c, n), sum);
        store(sum, to + h * size + c, n);
      });
    }
  }
}

}  // namespace

UNROLL_KERNELS(AttentionKernels, forward_head<T>, backward_head<T>, step_heads<T>)

}  // namespace unroll::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace unroll::kernels {
UNROLL_EXPORT(AttentionKernels)

namespace {
// Each head of keys of each sequence is an independent task.
template <class T, class F>
void each_head(const Attention<T>& a, F f) {
  parallel_for(a.queries.count * a.kv_heads, [&](Index i) {
    const FlushDenormals flush;
    f(i / a.kv_heads, i % a.kv_heads);
  });
}
}  // namespace

template <class T>
void attention_forward(const Attention<T>& a, Matrix<T> out, SoftmaxOfRow<T>* softmax) {
  each_head(a, [&](Index s, Index h) {
    table<AttentionKernels, T>().forward_head(a, s, h, out, softmax);
  });
}
template <class T>
void attention_backward(const Attention<T>& a, Matrix<const T> d_out,
                        const SoftmaxOfRow<T>* softmax, const AttentionGradients<T>& gradients) {
  each_head(a, [&](Index s, Index h) {
    table<AttentionKernels, T>().backward_head(a, s, h, d_out, softmax, gradients);
  });
}
template <class T>
void attention_step(const AttentionStep<T>& a, Matrix<T> out) {
  Index keys = 0;
  for (Index r = 0; r < a.q.rows; ++r) keys += a.keys[r].count;
  const auto heads = table<AttentionKernels, T>().step_heads;
  if (keys * a.heads * (a.size + a.value_size) >= tuning::kThreadedStep) {
    parallel_for(a.q.rows * a.kv_heads, [&](Index i) {
      const FlushDenormals flush;
      const Index kv = i % a.kv_heads;
      heads(a, i / a.kv_heads, kv, kv + 1, out);
    });
  } else {
    const FlushDenormals flush;
    for (Index r = 0; r < a.q.rows; ++r) heads(a, r, 0, a.kv_heads, out);
  }
}

#define UNROLL_FOR(T)                                                                            \
  template void attention_forward(const Attention<T>&, Matrix<T>, SoftmaxOfRow<T>*);             \
  template void attention_backward(const Attention<T>&, Matrix<const T>, const SoftmaxOfRow<T>*, \
                                   const AttentionGradients<T>&);                                \
  template void attention_step(const AttentionStep<T>&, Matrix<T>);
UNROLL_FOR(float)
UNROLL_FOR(double)
#undef UNROLL_FOR

}  // namespace unroll::kernels
#endif
