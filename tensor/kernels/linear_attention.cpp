// All work is in matrix products of chunks of up to C rows (C = tuning::kLinearChunk); compiled
// once, without SIMD of its own. Letters as in the paper (Katharopoulos et al. 2020): S and Z are
// the sums over the keys before a chunk, of phi(k) v^T [K, D] and phi(k) [K].
#include <unroll/tensor/kernels/elementwise.h>
#include <unroll/tensor/kernels/gemm.h>
#include <unroll/tensor/kernels/linear_attention.h>
#include <unroll/tensor/kernels/parallel_rows.h>
#include <unroll/tensor/kernels/scratch.h>

#include <algorithm>

namespace unroll::kernels {
namespace {

// Part of the rows of a sequence, in walking order, in the columns of a head.
struct Rows {
  const Index* rows;
  Index count;  // of the sequence
  bool reverse;
  Index column, width;
  Index row(Index i) const { return rows[reverse ? count - 1 - i : i]; }
  template <class T>
  T* of(const Matrix<T>& x, Index i) const {
    return x.at(row(i), column);
  }
};

template <class T>
void gather(const Rows& from, Index first, Index n, const Matrix<const T>& x, T* to) {
  for (Index i = 0; i < n; ++i) std::copy_n(from.of(x, first + i), from.width, to + i * from.width);
}

// phi(x) = elu(x) + 1 = exp(min(x, 0)) + max(x, 0). A NaN stays one.
template <class T>
void gather_features(const Rows& from, Index first, Index n, const Matrix<const T>& x, T* to) {
  const Index width = from.width;
  for (Index i = 0; i < n; ++i) {
    const T* row = from.of(x, first + i);
    for (Index j = 0; j < width; ++j) to[i * width + j] = std::min(row[j], T{0});
  }
  unary<T>(Unary::exp, to, to, n * width);
  for (Index i = 0; i < n; ++i) {
    const T* row = from.of(x, first + i);
    for (Index j = 0; j < width; ++j) to[i * width + j] += std::max(row[j], T{0});
  }
}
// The gradient of x from that of phi(x): phi'(x) = min(phi(x), 1).
template <class T>
void scatter_features(const Rows& into, Index first, Index n, const T* d_phi, const T* phi,
                      const Matrix<T>& dx) {
  const Index width = into.width;
  for (Index i = 0; i < n; ++i) {
    T* row = into.of(dx, first + i);
    for (Index j = 0; j < width; ++j)
      row[j] = d_phi[i * width + j] * std::min(phi[i * width + j], T{1});
  }
}

template <class T>
T dot(const T* a, const T* b, Index n) {
  T sum = 0;
  for (Index i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}
// y += scale x
template <class T>
void add_scaled(T scale, const T* x, Index n, T* y) {
  for (Index i = 0; i < n; ++i) y[i] += scale * x[i];
}

template <class T>
Matrix<T> matrix(T* data, Index rows, Index columns) {
  return {data, rows, columns, columns};
}
// C = A B, or C += A B.
template <class T>
void product(Matrix<T> a, Matrix<T> b, Matrix<T> c) {
  gemm<T>(a, b, {}, c);
}
template <class T>
void add_product(Matrix<T> a, Matrix<T> b, Matrix<T> c) {
  gemm<T>(a, b, {c.data, c.row_stride}, c);
}

// Zeroes what a query may not see: the elements right of the diagonal.
template <class T>
void mask(Index n, T* a) {
  for (Index i = 0; i < n; ++i) std::fill_n(a + i * n + i + 1, n - i - 1, T{0});
}

// Head h of sequence s, with the buffers of a chunk.
template <class T>
class Head {
 public:
  Head(const LinearAttention<T>& of, Index s, Index h)
      : a(of),
        heads(of.heads),
        head(h),
        size(of.size),
        wide(of.value_size),
        place(s * of.heads + h),
        chunk(std::min<Index>(tuning::kLinearChunk,
                              std::max({of.queries.length(s), of.keys.length(s), Index{1}}))),
        q_rows{of.queries.rows + of.queries.offsets[s], of.queries.length(s), of.reverse, h * size,
               size},
        k_rows{of.keys.rows + of.keys.offsets[s], of.keys.length(s), of.reverse, h * size, size},
        v_rows{k_rows.rows, k_rows.count, of.reverse, h * wide, wide},
        out_rows{q_rows.rows, q_rows.count, of.reverse, h * wide, wide},
        fq(chunk * size),
        fk(chunk * size),
        v(chunk * wide),
        weights(a.causal ? chunk * chunk : 0) {}

  void forward(const Matrix<T>& out, T* denominators, const KeySums<T>& last) {
    T *S = last.kv + place * size * wide, *Z = last.k + place * size;
    begin_sums(S, Z);
    if (!a.causal) each_chunk(k_rows.count, [&](Index at, Index n) { add_keys(at, n, S, Z); });
    Scratch<T> numerators(chunk * wide);
    each_chunk(q_rows.count, [&](Index at, Index n) {
      gather_features(q_rows, at, n, a.q, fq.get());
      const Matrix<T> num = matrix(numerators.get(), n, wide);
      product(matrix(fq.get(), n, size), matrix(S, size, wide), num);
      T* const denominator = numbers_of_chunk;
      for (Index i = 0; i < n; ++i) denominator[i] = a.eps + dot(fq.get() + i * size, Z, size);
      if (a.causal) {
        load_keys(at, n);
        weigh(n);
        for (Index i = 0; i < n; ++i)
          for (Index j = 0; j <= i; ++j) denominator[i] += weights.get()[i * n + j];
        add_product(matrix(weights.get(), n, n), matrix(v.get(), n, wide), num);
        add_loaded(n, S, Z);
      }
      for (Index i = 0; i < n; ++i) {
        T* row = out_rows.of(out, at + i);
        for (Index j = 0; j < wide; ++j) row[j] = num.data[i * wide + j] / denominator[i];
        denominators[q_rows.row(at + i) * heads + head] = denominator[i];
      }
    });
  }

  // With u = d_out / denominator and w = -(u . out), the gradients of numerator and denominator; R
  // and r are the gradients of the sums after a chunk.
  void backward(const LinearAttentionResults<T>& of, const Matrix<const T>& d_out,
                const LinearAttentionGradients<T>& gradients) {
    T *R = gradients.sums.kv + place * size * wide, *r = gradients.sums.k + place * size;
    Scratch<T> u_all(chunk * wide), d_features(chunk * size), dv_all(chunk * wide);
    const auto load_gradients = [&](Index at, Index n) {
      gather_features(q_rows, at, n, a.q, fq.get());
      for (Index i = 0; i < n; ++i) {
        const T *g = out_rows.of(d_out, at + i), *y = out_rows.of(of.out, at + i);
        const T denominator = of.denominators[q_rows.row(at + i) * heads + head];
        T* const u = u_all.get() + i * wide;
        for (Index j = 0; j < wide; ++j) u[j] = g[j] / denominator;
        numbers_of_chunk[i] = -dot(u, y, wide);
      }
    };
    // dq from the sums S and Z that all queries of the chunk see; `begun`: add to what is there.
    const auto query_gradients = [&](Index at, Index n, const T* S, const T* Z, bool begun) {
      const Matrix<T> dq = matrix(d_features.get(), n, size),
                      sums = matrix(const_cast<T*>(S), size, wide);
      gemm<T>(matrix(u_all.get(), n, wide), sums.transpose(),
              begun ? Init<T>{dq.data, size} : Init<T>{}, dq);
      for (Index i = 0; i < n; ++i) add_scaled(numbers_of_chunk[i], Z, size, dq.at(i, 0));
      scatter_features(q_rows, at, n, dq.data, fq.get(), gradients.q);
    };
    const auto add_queries = [&](Index n) {  // to R and r
      add_product(matrix(fq.get(), n, size).transpose(), matrix(u_all.get(), n, wide),
                  matrix(R, size, wide));
      for (Index i = 0; i < n; ++i) add_scaled(numbers_of_chunk[i], fq.get() + i * size, size, r);
    };
    // dk and dv; causal: from the chunk's own queries too, of which `weights` has the logits and
    // `d_weights` their gradient.
    const auto key_gradients = [&](Index at, Index n, T* d_weights) {
      const Matrix<T> dk = matrix(d_features.get(), n, size), dv = matrix(dv_all.get(), n, wide);
      gemm<T>(matrix(v.get(), n, wide), matrix(R, size, wide).transpose(), {r, 0}, dk);
      product(matrix(fk.get(), n, size), matrix(R, size, wide), dv);
      if (d_weights) {
        add_product(matrix(d_weights, n, n).transpose(), matrix(fq.get(), n, size), dk);
        add_product(matrix(weights.get(), n, n).transpose(), matrix(u_all.get(), n, wide), dv);
      }
      scatter_features(k_rows, at, n, dk.data, fk.get(), gradients.k);
      for (Index i = 0; i < n; ++i) std::copy_n(dv.at(i, 0), wide, v_rows.of(gradients.v, at + i));
    };

    if (!a.causal) {
      const T *S = of.last.kv + place * size * wide, *Z = of.last.k + place * size;
      // Each query sees all keys, so R is complete after the queries, and the gradient of the
      // initial sums.
      each_chunk(q_rows.count, [&](Index at, Index n) {
        load_gradients(at, n);
        query_gradients(at, n, S, Z, false);
        add_queries(n);
      });
      each_chunk(k_rows.count, [&](Index at, Index n) {
        load_keys(at, n);
        key_gradients(at, n, nullptr);
      });
      return;
    }
    const Index chunks = (k_rows.count + chunk - 1) / chunk, state = size * wide + size;
    Scratch<T> edges(chunks * state), d_weights(chunk * chunk);
    states_at_edges(chunks, edges.get());
    for (Index c = chunks - 1; c >= 0; --c) {
      const Index at = c * chunk, n = std::min(chunk, k_rows.count - at);
      load_gradients(at, n);
      load_keys(at, n);
      weigh(n);
      T* const dA = d_weights.get();  // [n, n]: u_t . v_s + w_t
      product(matrix(u_all.get(), n, wide), matrix(v.get(), n, wide).transpose(), matrix(dA, n, n));
      for (Index i = 0; i < n; ++i)
        for (Index j = 0; j <= i; ++j) dA[i * n + j] += numbers_of_chunk[i];
      mask(n, dA);
      product(matrix(dA, n, n), matrix(fk.get(), n, size), matrix(d_features.get(), n, size));
      const T* S = edges.get() + c * state;
      query_gradients(at, n, S, S + size * wide, true);
      key_gradients(at, n, dA);
      add_queries(n);
    }
  }

 private:
  template <class F>
  void each_chunk(Index rows, F f) const {
    for (Index at = 0; at < rows; at += chunk) f(at, std::min(chunk, rows - at));
  }

  void begin_sums(T* S, T* Z) const {
    const auto copy = [&](const T* from, Index n, T* to) {
      if (from) {
        std::copy_n(from + place * n, n, to);
      } else {
        std::fill_n(to, n, T{0});
      }
    };
    copy(a.initial.kv, size * wide, S);
    copy(a.initial.k, size, Z);
  }
  void load_keys(Index at, Index n) {
    gather_features(k_rows, at, n, a.k, fk.get());
    gather(v_rows, at, n, a.v, v.get());
  }
  // S += phi(k)^T v, Z += phi(k).
  void add_loaded(Index n, T* S, T* Z) {
    add_product(matrix(fk.get(), n, size).transpose(), matrix(v.get(), n, wide),
                matrix(S, size, wide));
    for (Index i = 0; i < n; ++i) add_scaled(T{1}, fk.get() + i * size, size, Z);
  }
  void add_keys(Index at, Index n, T* S, T* Z) {
    load_keys(at, n);
    add_loaded(n, S, Z);
  }
  // weights [n, n] = phi(q) phi(k)^T, masked.
  void weigh(Index n) {
    product(matrix(fq.get(), n, size), matrix(fk.get(), n, size).transpose(),
            matrix(weights.get(), n, n));
    mask(n, weights.get());
  }
  // S and Z before each chunk, side by side.
  void states_at_edges(Index chunks, T* edges) {
    const Index state = size * wide + size;
    if (chunks > 0) begin_sums(edges, edges + size * wide);
    for (Index c = 0; c + 1 < chunks; ++c) {
      T* const next = edges + (c + 1) * state;
      std::copy_n(edges + c * state, state, next);
      add_keys(c * chunk, chunk, next, next + size * wide);
    }
  }

  const LinearAttention<T>& a;
  Index heads, head, size, wide;
  Index place;  // of the sequence and head among the sums
  Index chunk;  // rows
  Rows q_rows, k_rows, v_rows, out_rows;
  Scratch<T> fq, fk, v, weights;
  T numbers_of_chunk[tuning::kLinearChunk];  // the denominators, or their gradients w
};

// Each head of each sequence is an independent task.
template <class T, class F>
void each_head(const LinearAttention<T>& a, F f) {
  const Index tasks = a.queries.count * a.heads;
  const auto task = [&](Index i) {
    const FlushDenormals flush;
    f(i / a.heads, i % a.heads);
  };
  const Index rows = a.queries.offsets[a.queries.count] + a.keys.offsets[a.keys.count];
  if (rows * a.heads * (a.size + a.value_size) * tuning::kLinearChunk >= tuning::kMinShardWork)
    return parallel_for(tasks, task);
  for (Index i = 0; i < tasks; ++i) task(i);
}

}  // namespace

template <class T>
void linear_attention_forward(const LinearAttention<T>& a, Matrix<T> out, T* denominators,
                              const KeySums<T>& last) {
  each_head(a, [&](Index s, Index h) { Head<T>(a, s, h).forward(out, denominators, last); });
}
template <class T>
void linear_attention_backward(const LinearAttention<T>& a, const LinearAttentionResults<T>& of,
                               Matrix<const T> d_out,
                               const LinearAttentionGradients<T>& gradients) {
  each_head(a, [&](Index s, Index h) { Head<T>(a, s, h).backward(of, d_out, gradients); });
}

#define UNROLL_FOR(T)                                                                        \
  template void linear_attention_forward(const LinearAttention<T>&, Matrix<T>, T*,           \
                                         const KeySums<T>&);                                 \
  template void linear_attention_backward(const LinearAttention<T>&,                         \
                                          const LinearAttentionResults<T>&, Matrix<const T>, \
                                          const LinearAttentionGradients<T>&);
UNROLL_FOR(float)
UNROLL_FOR(double)
#undef UNROLL_FOR

}  // namespace unroll::kernels
