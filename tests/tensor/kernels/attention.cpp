// The attention kernels on every SIMD target: by the definition, in steps, and their derivative.
#include "tests/support.h"
#include "tests/tensor/kernels/targets.h"

#include <unroll/tensor/kernels/attention.h>

#include <cmath>
#include <vector>

using namespace unroll;

namespace {

// Sequences of queries and keys whose rows are mixed.
struct Problem {
  Index heads, kv_heads, size, value_size, window;
  bool causal;
  std::vector<Index> q_rows, q_offsets{0}, k_rows, k_offsets{0};

  explicit Problem(Generator& g)
      : heads(0),
        kv_heads(1 + g.below(2)),
        size(1 + g.below(20)),
        value_size(1 + g.below(40)),
        window(g.below(2) == 0 ? 0 : 1 + g.below(60)),
        causal(g.below(2) == 0) {
    heads = kv_heads * (1 + g.below(3));
    const auto lengths = [&](std::vector<Index>& rows, std::vector<Index>& offsets) {
      Index total = 0;
      for (int s = 0; s < 3; ++s) offsets.push_back(total += 1 + g.below(70));
      rows = g.permutation(total);
    };
    lengths(q_rows, q_offsets);
    lengths(k_rows, k_offsets);
  }
  template <class T>
  kernels::Attention<T> on(const Tensor& q, const Tensor& k, const Tensor& v) const {
    const auto matrix = [](const Tensor& x) {
      return kernels::Matrix<const T>{x.data<T>(), x.size(0), x.size(1), x.size(1)};
    };
    return {matrix(q),
            matrix(k),
            matrix(v),
            {q_rows.data(), q_offsets.data(), 3},
            {k_rows.data(), k_offsets.data(), 3},
            heads,
            kv_heads,
            size,
            value_size,
            T(0.3),
            causal,
            window};
  }
  bool sees(Index s, Index t, Index j) const {
    const Index at = t + (k_offsets[s + 1] - k_offsets[s]) - (q_offsets[s + 1] - q_offsets[s]);
    return !(causal && j > at) && !(window > 0 && std::abs(at - j) >= window);
  }
};

template <class T>
kernels::Matrix<T> into(Tensor& x) {
  return {x.data<T>(), x.size(0), x.size(1), x.size(1)};
}

template <class T>
Tensor run(const Problem& p, const Tensor& q, const Tensor& k, const Tensor& v, Tensor* softmax) {
  Tensor out = Tensor::empty({q.size(0), p.heads * p.value_size}, q.dtype());
  *softmax = Tensor::empty({q.size(0), p.heads, 2}, q.dtype());
  kernels::attention_forward<T>(p.on<T>(q, k, v), into<T>(out),
                                reinterpret_cast<kernels::SoftmaxOfRow<T>*>(softmax->data<T>()));
  return out;
}

Tensor by_definition(const Problem& p, const Tensor& q, const Tensor& k, const Tensor& v) {
  Tensor out = Tensor::zeros({q.size(0), p.heads * p.value_size}, f64);
  for (Index s = 0; s < 3; ++s)
    for (Index t = 0; t < p.q_offsets[s + 1] - p.q_offsets[s]; ++t)
      for (Index h = 0; h < p.heads; ++h) {
        const Index row = p.q_rows[p.q_offsets[s] + t], kv = h / (p.heads / p.kv_heads);
        std::vector<double> weights;
        double total = 0;
        for (Index j = 0; j < p.k_offsets[s + 1] - p.k_offsets[s]; ++j) {
          double logit = 0;
          for (Index c = 0; c < p.size; ++c)
            logit +=
                q.at({row, h * p.size + c}) * k.at({p.k_rows[p.k_offsets[s] + j], kv * p.size + c});
          weights.push_back(p.sees(s, t, j) ? std::exp(0.3 * logit) : 0);
          total += weights.back();
        }
        for (Index j = 0; j < static_cast<Index>(weights.size()); ++j)
          for (Index c = 0; c < p.value_size && total > 0; ++c)
            out.set({row, h * p.value_size + c},
                    out.at({row, h * p.value_size + c}) +
                        weights[j] / total *
                            v.at({p.k_rows[p.k_offsets[s] + j], kv * p.value_size + c}));
      }
  return out;
}

template <class T>
void check_target(Generator& g, DType dtype) {
  const Problem p(g);
  const Index queries = p.q_offsets.back(), keys = p.k_offsets.back();
  const auto normal = [&](Index rows, Index columns) {
    return g.normal({rows, columns}, 0, 1, dtype);
  };
  const Tensor q = normal(queries, p.heads * p.size), k = normal(keys, p.kv_heads * p.size),
               v = normal(keys, p.kv_heads * p.value_size);
  Tensor softmax;
  const Tensor out = run<T>(p, q, k, v, &softmax);
  const double tolerance = dtype == f32 ? 1e-5 : 1e-12;
  CHECK(distance(out, by_definition(p, q.to(f64), k.to(f64), v.to(f64))) < tolerance);

  // The last query of each sequence, as a step: by its list of rows.
  std::vector<kernels::KeysOfQuery> of(static_cast<std::size_t>(queries), {nullptr, 0, 0});
  for (Index s = 0; s < 3; ++s) {
    const Index count = p.k_offsets[s + 1] - p.k_offsets[s];
    Index first = 0;
    while (first < count && !p.sees(s, p.q_offsets[s + 1] - p.q_offsets[s] - 1, first)) ++first;
    of[p.q_rows[p.q_offsets[s + 1] - 1]] = {p.k_rows.data() + p.k_offsets[s] + first, 0,
                                            count - first};
  }
  const kernels::Attention<T> a = p.on<T>(q, k, v);
  Tensor steps = Tensor::empty(out.shape(), dtype);
  kernels::attention_step<T>(
      {a.q, a.k, a.v, of.data(), p.heads, p.kv_heads, p.size, p.value_size, a.scale},
      into<T>(steps));
  for (Index n = 0; n < queries; ++n) {
    if (of[n].count == 0)
      CHECK(max(abs(steps.select(0, n))).item() == 0);
    else
      CHECK(distance(steps.select(0, n), out.select(0, n)) < tolerance);
  }

  // The derivative of <out, d> in a random direction, against a central difference in f64.
  const Tensor d = normal(queries, p.heads * p.value_size);
  Tensor dq = Tensor::empty(q.shape(), dtype), dk = Tensor::empty(k.shape(), dtype),
         dv = Tensor::empty(v.shape(), dtype);
  kernels::attention_backward<T>(
      a, {d.data<T>(), queries, d.size(1), d.size(1)},
      reinterpret_cast<const kernels::SoftmaxOfRow<T>*>(softmax.data<T>()),
      {into<T>(dq), into<T>(dk), into<T>(dv)});
  const Tensor uq = g.normal(q.shape(), 0, 1, f64), uk = g.normal(k.shape(), 0, 1, f64),
               uv = g.normal(v.shape(), 0, 1, f64);
  const auto at = [&](double e) {
    return sum(mul(by_definition(p, add(q.to(f64), mul(uq, e)), add(k.to(f64), mul(uk, e)),
                                 add(v.to(f64), mul(uv, e))),
                   d.to(f64)))
        .item();
  };
  const double slope = sum(mul(dq.to(f64), uq)).item() + sum(mul(dk.to(f64), uk)).item() +
                       sum(mul(dv.to(f64), uv)).item();
  const double expected = (at(1e-4) - at(-1e-4)) / 2e-4;
  CHECK(std::abs(slope - expected) < (dtype == f32 ? 1e-3 : 1e-5) * (10 + std::abs(expected)));
}

}  // namespace

TEST_CASE("attention on every SIMD target is its definition, as are steps and the derivative") {
  for_each_simd_target([](const char* target) {
    CAPTURE(target);
    Generator g(1);
    for (int round = 0; round < 6; ++round) {
      check_target<float>(g, f32);
      check_target<double>(g, f64);
    }
  });
}
