// All work is in matrix products of chunks of rows and in passes over whole chunks, which other
// kernels do; so this file is compiled once, without SIMD of its own. The products use panels
// directly: phi(q) phi(k)^T of 64 rows and 64 columns takes 2.3 us, by OpenBLAS 3.3 us; the others
// take as long as by OpenBLAS (f32, one core of an AMD EPYC with AVX-512).
#include <unroll/tensor/kernels/elementwise.h>
#include <unroll/tensor/kernels/linear_attention.h>
#include <unroll/tensor/kernels/panels.h>
#include <unroll/tensor/kernels/parallel_rows.h>
#include <unroll/tensor/kernels/rows.h>
#include <unroll/tensor/kernels/scratch.h>

#include <algorithm>

namespace unroll::kernels {
namespace {

// The rows of a sequence in the order in which they are walked, in the columns of a head.
struct Rows {
  const Index *rows, count;
  bool reverse;
  Index column, width;
  Index row(Index i) const { return rows[reverse ? count - 1 - i : i]; }
  template <class T>
  T* of(const Matrix<T>& x, Index i) const {
    return x.at(row(i), column);
  }
};

// Head h of sequence s, with the buffers of a chunk of up to `chunk` rows. A chunk has n rows.
template <class T>
class Head {
 public:
  Head(const LinearAttention<T>& of, Index s, Index h)
      : a(of),
        head(h),
        size(of.size),
        wide(of.value_size + 1),
        q_rows{of.queries.rows + of.queries.offsets[s], of.queries.length(s), of.reverse, h * size,
               size},
        k_rows{of.keys.rows + of.keys.offsets[s], of.keys.length(s), of.reverse, h * size, size},
        chunk(std::clamp(std::max(q_rows.count, k_rows.count), Index{1}, tuning::kLinearChunk)),
        state(size * wide),
        place((s * of.heads + h) * state),
        fq(chunk * size),
        fk(chunk * size),
        v(chunk * wide),
        num(chunk * wide),
        weights(a.causal ? chunk * chunk : 0),
        d_features(chunk * size),
        spare(chunk * std::max({size, wide, chunk})),
        packed(packed_size<T>(std::max(size, wide), std::max(size, chunk))) {}

  void forward(const Matrix<T>& out, T* denominators, T* last) {
    T* const S = last + place;
    begin(S);
    if (!a.causal) each_chunk(k_rows, [&](Index at, Index n) { load_keys(at, n), add_keys(n, S); });
    each_chunk(q_rows, [&](Index at, Index n) {
      load_features(q_rows, at, n, a.q, fq.get());
      multiply_into({fq.get(), n, size, size}, {S, size, wide, wide}, numerators(n), false);
      if (a.causal) {
        load_keys(at, n);
        weigh(n);
        multiply_into(square(weights, n), values(n), numerators(n), true);
        add_keys(n, S);
      }
      for (Index i = 0; i < n; ++i) {
        const T *from = num.get() + i * wide, denominator = from[wide - 1] + a.eps,
                inverse = 1 / denominator;
        T* to = out.at(q_rows.row(at + i), head * (wide - 1));
        for (Index j = 0; j < wide - 1; ++j) to[j] = from[j] * inverse;
        denominators[q_rows.row(at + i) * a.heads + head] = denominator;
      }
    });
  }

  // u [n, D + 1] are the gradients of the numerators and, last, the denominator of each row; R is
  // that of the state after a chunk.
  void backward(const LinearAttentionGradients<T>& d) {
    T* const R = d.d_state + place;
    if (!a.causal) {
      // Each query sees all keys, so R is complete after the queries.
      each_chunk(q_rows, [&](Index at, Index n) {
        load_queries(d, at, n);
        query_gradients(d, at, n, d.last + place, nullptr);
        add_queries(n, R);
      });
      return each_chunk(k_rows, [&](Index at, Index n) {
        load_keys(at, n);
        key_gradients(d, at, n, R, nullptr);
      });
    }
    const Index chunks = (k_rows.count + chunk - 1) / chunk;
    Scratch<T> edges(chunks * state), d_weights(chunk * chunk);
    states_before(chunks, edges.get());
    for (Index c = chunks - 1; c >= 0; --c) {
      const Index at = c * chunk, n = std::min(chunk, k_rows.count - at);
      load_queries(d, at, n);
      load_keys(at, n);
      weigh(n);
      multiply_into(numerators(n), values(n).transpose(), square(d_weights, n), false);
      mask(n, d_weights.get());
      query_gradients(d, at, n, edges.get() + c * state, d_weights.get());
      key_gradients(d, at, n, R, d_weights.get());
      add_queries(n, R);
    }
  }

 private:
  using View = Matrix<T>;
  View values(Index n) { return {v.get(), n, wide, wide}; }        // [v, 1]
  View numerators(Index n) { return {num.get(), n, wide, wide}; }  // in backward: u
  View square(Scratch<T>& x, Index n) { return {x.get(), n, n, n}; }

  template <class F>
  void each_chunk(const Rows& rows, F f) const {
    for (Index at = 0; at < rows.count; at += chunk) f(at, std::min(chunk, rows.count - at));
  }

  // C = A B, or C += A B.
  void multiply_into(View x, View y, View c, bool add) {
    const Init<T> init = add ? Init<T>{c.data, c.row_stride} : Init<T>{};
    if (y.transposed()) {
      multiply<T>(x, pack<T>(y, packed.get()), init, c);
    } else {
      multiply_once<T>(x, y, init, c);
    }
  }

  void begin(T* S) const {
    if (a.initial) {
      std::copy_n(a.initial + place, state, S);
    } else {
      std::fill_n(S, state, T{0});
    }
  }

  // phi(x) = elu(x) + 1 = exp(min(x, 0)) + max(x, 0)
  void load_features(const Rows& rows, Index at, Index n, const Matrix<const T>& x, T* to) {
    for (Index i = 0; i < n; ++i) std::copy_n(rows.of(x, at + i), size, to + i * size);
    const T zero = 0;
    unary<T>(Unary::relu, to, spare.get(), n * size);
    binary<T>(Binary::minimum, to, 1, &zero, 0, to, n * size);
    unary<T>(Unary::exp, to, to, n * size);
    add_into<T>(to, spare.get(), n * size);
  }
  // The gradient of x, from that of phi(x): phi'(x) = min(phi(x), 1).
  void store_gradients(const Rows& rows, Index at, Index n, const T* phi, const Matrix<T>& dx) {
    T* const to = spare.get();
    const T one = 1;
    binary<T>(Binary::minimum, phi, 1, &one, 0, to, n * size);
    binary<T>(Binary::mul, to, 1, d_features.get(), 1, to, n * size);
    for (Index i = 0; i < n; ++i) std::copy_n(to + i * size, size, rows.of(dx, at + i));
  }
  void load_keys(Index at, Index n) {
    load_features(k_rows, at, n, a.k, fk.get());
    for (Index i = 0; i < n; ++i) {
      T* const to = v.get() + i * wide;
      std::copy_n(a.v.at(k_rows.row(at + i), head * (wide - 1)), wide - 1, to);
      to[wide - 1] = 1;
    }
  }
  void add_keys(Index n, T* S) {
    multiply_into(View{fk.get(), n, size, size}.transpose(), values(n), {S, size, wide, wide},
                  true);
  }
  void states_before(Index chunks, T* edges) {
    if (chunks > 0) begin(edges);
    for (Index c = 0; c + 1 < chunks; ++c) {
      std::copy_n(edges + c * state, state, edges + (c + 1) * state);
      load_keys(c * chunk, chunk);
      add_keys(chunk, edges + (c + 1) * state);
    }
  }

  // Zeroes what a query may not see: the elements right of the diagonal.
  void mask(Index n, T* x) const {
    for (Index i = 0; i < n; ++i) std::fill_n(x + i * n + i + 1, n - i - 1, T{0});
  }
  void weigh(Index n) {  // weights [n, n] = phi(q) phi(k)^T
    multiply_into({fq.get(), n, size, size}, View{fk.get(), n, size, size}.transpose(),
                  square(weights, n), false);
    mask(n, weights.get());
  }

  void load_queries(const LinearAttentionGradients<T>& d, Index at, Index n) {
    load_features(q_rows, at, n, a.q, fq.get());
    T *const products = spare.get(), sums[tuning::kLinearChunk];
    for (Index i = 0; i < n; ++i) {
      const Index row = q_rows.row(at + i), column = head * (wide - 1);
      const T *g = d.d_out.at(row, column), *y = d.out.at(row, column),
              inverse = 1 / d.denominators[row * a.heads + head];
      T *u = num.get() + i * wide, *product = products + i * (wide - 1);
      for (Index j = 0; j < wide - 1; ++j) u[j] = g[j] * inverse, product[j] = u[j] * y[j];
    }
    reduce_rows<T>(Reduce::sum, products, sums, n, wide - 1);
    for (Index i = 0; i < n; ++i) num.get()[i * wide + wide - 1] = -sums[i];
  }
  // From the state S that all queries of the chunk see; and, if causal, from the chunk's own keys,
  // by the gradient of `weights`.
  void query_gradients(const LinearAttentionGradients<T>& d, Index at, Index n, const T* S,
                       T* d_weights) {
    const View dq{d_features.get(), n, size, size};
    multiply_into(numerators(n), View{const_cast<T*>(S), size, wide, wide}.transpose(), dq, false);
    if (d_weights) multiply_into({d_weights, n, n, n}, {fk.get(), n, size, size}, dq, true);
    store_gradients(q_rows, at, n, fq.get(), d.dq);
  }
  // From the gradient R of the state after the chunk, and as above.
  void key_gradients(const LinearAttentionGradients<T>& d, Index at, Index n, T* R, T* d_weights) {
    const View dk{d_features.get(), n, size, size}, dv{spare.get(), n, wide - 1, wide - 1},
        sums{R, size, wide, wide};
    multiply_into({fk.get(), n, size, size}, sums.part(0, size, 0, wide - 1), dv, false);
    if (d_weights)
      multiply_into(square(weights, n).transpose(), numerators(n).part(0, n, 0, wide - 1), dv,
                    true);
    for (Index i = 0; i < n; ++i)
      std::copy_n(dv.at(i, 0), wide - 1, d.dv.at(k_rows.row(at + i), head * (wide - 1)));
    multiply_into(values(n), sums.transpose(), dk, false);
    if (d_weights)
      multiply_into(View{d_weights, n, n, n}.transpose(), {fq.get(), n, size, size}, dk, true);
    store_gradients(k_rows, at, n, fk.get(), d.dk);
  }
  void add_queries(Index n, T* R) {
    multiply_into(View{fq.get(), n, size, size}.transpose(), numerators(n), {R, size, wide, wide},
                  true);
  }

  const LinearAttention<T>& a;
  Index head, size, wide;  // K, D + 1
  Rows q_rows, k_rows;
  Index chunk;
  Index state, place;  // elements of a state; where that of this sequence and head begins
  Scratch<T> fq, fk, v, num, weights, d_features, spare, packed;
};

// Each head of each sequence is an independent task.
template <class T, class F>
void each_head(const LinearAttention<T>& a, F f) {
  const Index tasks = a.queries.count * a.heads;
  const auto task = [&](Index i) {
    const FlushDenormals flush;
    Head<T> head(a, i / a.heads, i % a.heads);
    f(head);
  };
  const Index rows = a.queries.offsets[a.queries.count] + a.keys.offsets[a.keys.count];
  if (rows * a.heads * (a.size + a.value_size) * tuning::kLinearChunk >= tuning::kMinShardWork)
    return parallel_for(tasks, task);
  for (Index i = 0; i < tasks; ++i) task(i);
}

}  // namespace

template <class T>
void linear_attention_forward(const LinearAttention<T>& a, Matrix<T> out, T* denominators,
                              T* last) {
  each_head(a, [&](Head<T>& head) { head.forward(out, denominators, last); });
}
template <class T>
void linear_attention_backward(const LinearAttention<T>& a, const LinearAttentionGradients<T>& d) {
  each_head(a, [&](Head<T>& head) { head.backward(d); });
}

#define UNROLL_FOR(T)                                                                   \
  template void linear_attention_forward(const LinearAttention<T>&, Matrix<T>, T*, T*); \
  template void linear_attention_backward(const LinearAttention<T>&,                    \
                                          const LinearAttentionGradients<T>&);
UNROLL_FOR(float)
UNROLL_FOR(double)
#undef UNROLL_FOR

}  // namespace unroll::kernels
