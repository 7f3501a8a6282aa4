// Fused attention against the same in plain ops, over random batches, in f32 and f64.
#include "tests/nn/random_sequences.h"

#include <unroll/autograd/fused.h>
#include <unroll/autograd/sequence/attention.h>
#include <unroll/nn/attention.h>
#include <unroll/tensor/indexing.h>
#include <unroll/tensor/memory.h>

#include <cmath>
#include <limits>

using namespace unroll;

namespace {

struct Result {
  Tensor y;
  std::vector<Tensor> gradients;
};

// The same formula written with matmul and softmax: q [B, T, K], k [B, S, K], v [B, S, D].
Var plain(const Var& q, const Var& k, const Var& v, bool causal) {
  Var logits = matmul(q * (1 / std::sqrt(static_cast<double>(q.shape().back()))), transpose(k));
  if (causal) {
    const Tensor seen = causal_mask(q.shape()[1], k.shape()[1], q.dtype());
    logits = masked_fill(logits, equal(seen, Tensor::scalar(0, q.dtype())), -INFINITY);
  }
  return matmul(softmax(logits), v);
}

template <class F>
Result run(const std::vector<Tensor>& inputs, const Tensor& seed, F f) {
  Tape tape;
  std::vector<Var> vars;
  for (const Tensor& x : inputs) vars.push_back(tape.watch(x));
  const Var y = f(vars);
  const Gradients g = tape.backward(y, {.seed = seed});
  Result out{y.value(), {}};
  for (const Var& v : vars) out.gradients.push_back(g[v]);
  return out;
}

void check_equal(const Result& a, const Result& b, double tolerance) {
  CHECK(distance(a.y, b.y) < tolerance * (1 + max(abs(b.y)).item()));
  for (std::size_t i = 0; i < a.gradients.size(); ++i) {
    CAPTURE(i);
    CHECK(distance(a.gradients[i], b.gradients[i]) <
          tolerance * (1 + max(abs(b.gradients[i])).item()));
  }
}

}  // namespace

TEST_CASE("fused attention equals softmax and products, values and gradients") {
  Generator g(1);
  for (DType dtype : {f32, f64})
    for (int round = 0; round < 24; ++round) {
      const bool causal = round % 2 == 1;
      const Index b = 1 + g.below(3), t = 1 + g.below(120), s = 1 + g.below(120),
                  k = 1 + g.below(40), d = 1 + g.below(40);
      CAPTURE(t);
      CAPTURE(s);
      const std::vector<Tensor> inputs{g.normal({b, t, k}, 0, 1, dtype),
                                       g.normal({b, s, k}, 0, 1, dtype),
                                       g.normal({b, s, d}, 0, 1, dtype)};
      const Tensor seed = g.normal({b, t, d}, 0, 1, dtype);
      check_equal(
          run(inputs, seed,
              [&](const auto& v) {
                return nn::scaled_dot_product_attention(v[0], v[1], v[2], {.causal = causal}).out;
              }),
          run(inputs, seed, [&](const auto& v) { return plain(v[0], v[1], v[2], causal); }),
          dtype == f32 ? 1e-5 : 1e-13);
    }
}

namespace {
// softmax(q k / sqrt(K)) v by its definition, one query and head at a time. In f64.
Tensor by_definition(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionRows& o) {
  const Index heads = o.heads, shared = heads / o.kv_heads, size = q.size(1) / heads,
              wide = v.size(1) / o.kv_heads;
  Tensor out = Tensor::zeros({q.size(0), heads * wide}, f64);
  for (Index s = 0; s < o.queries.count(); ++s) {
    const IndexTensor of = o.queries.rows_of(s), keys = o.keys.rows_of(s);
    for (Index t = 0; t < of.numel(); ++t)
      for (Index h = 0; h < heads; ++h) {
        const Index at = t + keys.numel() - of.numel(), kv = h / shared;
        std::vector<double> weight(static_cast<std::size_t>(keys.numel()), 0);
        double total = 0;
        for (Index j = 0; j < keys.numel(); ++j) {
          if (o.causal && j > at) continue;
          if (o.window > 0 && std::abs(at - j) >= o.window) continue;
          double logit = 0;
          for (Index c = 0; c < size; ++c)
            logit += q.at({of[t], h * size + c}) * k.at({keys[j], kv * size + c});
          total += weight[j] = std::exp(logit / std::sqrt(static_cast<double>(size)));
        }
        for (Index j = 0; j < keys.numel(); ++j)
          for (Index c = 0; c < wide && total > 0; ++c)
            out.set({of[t], h * wide + c}, out.at({of[t], h * wide + c}) +
                                               weight[j] / total * v.at({keys[j], kv * wide + c}));
      }
  }
  return out;
}
}  // namespace

TEST_CASE("attention with shared heads and windows equals its definition and its reference") {
  Generator g(12);
  for (DType dtype : {f32, f64})
    for (int round = 0; round < 24; ++round) {
      const Index kv_heads = 1 + g.below(2), heads = kv_heads * (1 + g.below(3)),
                  size = 1 + g.below(9), wide = 1 + g.below(9), batch = 1 + g.below(3);
      const SequenceLayout queries(random_lengths(g, batch, 120)),
          keys(random_lengths(g, batch, 120));
      const AttentionRows rows{
          .queries = RowGroups::of(queries),
          .keys = RowGroups::of(keys),
          .heads = heads,
          .causal = round % 2 == 1,
          .kv_heads = kv_heads,
          .window = round % 3 == 0 ? 0 : 1 + g.below(round % 3 == 1 ? 20 : 90)};
      CAPTURE(rows.window);
      const std::vector<Tensor> inputs{g.normal({queries.rows(), heads * size}, 0, 1, dtype),
                                       g.normal({keys.rows(), kv_heads * size}, 0, 1, dtype),
                                       g.normal({keys.rows(), kv_heads * wide}, 0, 1, dtype)};
      const Tensor seed = g.normal({queries.rows(), heads * wide}, 0, 1, dtype);
      const auto f = [&](const auto& v) { return attention(v[0], v[1], v[2], rows); };
      const Result fused = run(inputs, seed, f);
      const double tolerance = dtype == f32 ? 1e-5 : 1e-12;
      CHECK(distance(fused.y, by_definition(inputs[0].to(f64), inputs[1].to(f64), inputs[2].to(f64),
                                            rows)) < tolerance);
      const UseReference reference;
      check_equal(fused, run(inputs, seed, f), tolerance);
    }
}

TEST_CASE("a window as long as the sequence hides nothing, and dropout does not depend on it") {
  Generator g(13);
  for (const double dropout : {0.0, 0.4})
    for (const bool causal : {false, true}) {
      const SequenceLayout layout({90, 7, 61});
      const Tensor qkv = g.normal({layout.rows(), 8 * 4}, 0, 1, f64);
      const auto with = [&](Index window) {
        manual_seed(5);
        return run({qkv}, Tensor::ones({layout.rows(), 4 * 4}, f64), [&](const auto& v) {
          const RowGroups rows = RowGroups::of(layout);
          return self_attention(v[0], {.queries = rows,
                                       .keys = rows,
                                       .heads = 4,
                                       .causal = causal,
                                       .dropout = dropout,
                                       .kv_heads = 2,
                                       .window = window});
        });
      };
      const Result all = with(0);
      for (const Index window : {Index{90}, Index{1000}, std::numeric_limits<Index>::max()})
        check_equal(with(window), all, 1e-14);
      // A window of one: each row sees itself.
      if (dropout == 0) CHECK(distance(with(1).y.narrow(1, 0, 4), qkv.narrow(1, 24, 4)) < 1e-14);
    }
}

TEST_CASE("time and memory of attention in a window are linear in the number of steps") {
  const Index steps = 100000, window = 8;
  Generator g(14);
  const RowGroups rows = RowGroups::equal(1, steps);
  const Tensor qkv = g.normal({steps, 3 * 4});
  Tape tape;
  const Var v = tape.watch(qkv);
  memory::reset_peak();
  const Index before = memory::stats().in_use;
  const Var y = self_attention(
      v, {.queries = rows, .keys = rows, .heads = 1, .causal = true, .window = window});
  const Tensor d = tape.backward(sum(square(y)))[v];
  // Copies of q, k and v and their gradients: far less than a row of logits for each step.
  CHECK(memory::stats().peak - before < 100 * steps * 4);
  // The last steps alone give the same.
  const Index tail = 100;
  const RowGroups last = RowGroups::equal(1, tail);
  const Tensor alone =
      self_attention(qkv.narrow(0, steps - tail, tail),
                     {.queries = last, .keys = last, .causal = true, .window = window})
          .value();
  CHECK(distance(alone.narrow(0, window, tail - window),
                 y.value().narrow(0, steps - tail + window, tail - window)) < 1e-6);
  CHECK(all_finite(d));
}

TEST_CASE("one query for each row equals attention over its keys") {
  Generator g(15);
  for (DType dtype : {f32, f64})
    for (int round = 0; round < 20; ++round) {
      const Index kv_heads = 1 + g.below(3), heads = kv_heads * (1 + g.below(3)),
                  size = 1 + g.below(40), wide = 1 + g.below(40), batch = 1 + g.below(20);
      const SequenceLayout layout(random_lengths(g, batch, 30));
      const Tensor q = g.normal({batch, heads * size}, 0, 1, dtype),
                   k = g.normal({layout.rows(), kv_heads * size}, 0, 1, dtype),
                   v = g.normal({layout.rows(), kv_heads * wide}, 0, 1, dtype);
      const RowGroups groups = RowGroups::of(layout);
      const Tensor expected = attention(q, k, v,
                                        {.queries = RowGroups::equal(batch, 1),
                                         .keys = groups,
                                         .heads = heads,
                                         .kv_heads = kv_heads})
                                  .value();
      std::vector<KeyRows> rows;
      for (Index b = 0; b < batch; ++b)
        rows.push_back(
            {.rows = groups.rows().data() + groups.offsets()[b], .count = layout.lengths()[b]});
      const Tensor out = attention_step(q, k, v, rows, {.heads = heads, .kv_heads = kv_heads});
      CHECK(distance(out, expected) < (dtype == f32 ? 1e-5 : 1e-13));
    }
  const Tensor q = random({2, 4}, 1), k = random({3, 2}, 2);
  const std::vector<KeyRows> none{{.first = 3, .count = 0}, {.first = 0, .count = 3}};
  const Tensor out = attention_step(q, k, k, none, {.heads = 2, .kv_heads = 1});
  CHECK(max(abs(out.select(0, 0))).item() == 0);
  CHECK(max(abs(out.select(0, 1))).item() > 0);
  check_refused(
      [&] {
        (void)attention_step(q, k, k, std::vector<KeyRows>{{.count = 1}, {.first = 2, .count = 2}},
                             {.heads = 2, .kv_heads = 1});
      },
      "attention_step: keys within the 3 rows were required: got 2 from row 2 on");
  check_refused([&] { (void)attention_step(q, k, k, none, {.heads = 2}); },
                "with 2 and 2 heads were required: got [2, 4], [3, 2] and [3, 2]");
}

TEST_CASE("self attention over ragged rows equals each sequence and head alone") {
  Generator g(2);
  for (int round = 0; round < 8; ++round) {
    const Index heads = 1 + g.below(3), size = 1 + g.below(20);
    const SequenceLayout layout(random_lengths(g, 1 + g.below(5), 70));
    const Tensor x = g.normal({layout.rows(), 3 * heads * size}, 0, 1, f64);
    const RowGroups groups = RowGroups::of(layout);
    const Tensor seed = g.normal({layout.rows(), heads * size}, 0, 1, f64);
    const auto fused = run({x}, seed, [&](const auto& v) {
      return self_attention(v[0], {groups, groups, heads, round % 2 == 1});
    });
    for (Index b = 0; b < layout.sequences(); ++b)
      for (Index h = 0; h < heads; ++h) {
        const auto part = [&](const Tensor& rows, Index block) {
          return index_select(rows, 0, layout.rows_of(b))
              .narrow(1, (block * heads + h) * size, size)
              .unsqueeze(0)
              .contiguous();
        };
        const auto alone =
            run({part(x, 0), part(x, 1), part(x, 2)}, part(seed, 0),
                [&](const auto& v) { return plain(v[0], v[1], v[2], round % 2 == 1); });
        CHECK(distance(part(fused.y, 0), alone.y) < 1e-12);
        for (Index i = 0; i < 3; ++i)
          CHECK(distance(part(fused.gradients[0], i), alone.gradients[i]) < 1e-12);
      }
  }
}

TEST_CASE("attention with one visible key returns its value and gives its logits no gradient") {
  Generator g(9);
  for (const DType dtype : {f32, f64})
    for (int round = 0; round < 20; ++round) {
      const Index heads = 1 + round % 3, size = g.integers({1}, 1, 40)[0];
      // One key; or the first query of a causal one; or a key that outweighs the others by far.
      const bool causal = round % 2 == 1;
      const Index steps = causal ? g.integers({1}, 1, 20)[0] : 1;
      const RowGroups groups = RowGroups::equal(3, steps);
      Tensor qkv = g.normal({3 * steps, 3 * heads * size}, 0, 30, dtype);
      Tape tape;
      const Var v = tape.watch(qkv);
      const Var y = self_attention(v, {groups, groups, heads, causal});
      const Tensor gradient = tape.backward(sum(y * g.normal(y.shape(), 0, 1, dtype)))[v];
      for (Index s = 0; s < 3; ++s) {
        const Tensor first = gradient.select(0, s * steps);
        const Index block = heads * size;
        CHECK(max(abs(first.narrow(0, 0, block))).item() == 0);  // of the query
        if (steps == 1) CHECK(max(abs(first.narrow(0, block, block))).item() == 0);
        CHECK(distance(y.value().select(0, s * steps),
                       qkv.select(0, s * steps).narrow(0, 2 * block, block)) == 0);
      }
    }
}

TEST_CASE("attention's gradient is right for large logits") {
  Generator g(10);
  for (const double size : {1e2, 1e4, 1e6}) {
    // Scores near `size`, whose differences are of the order of 1 and exact in f32.
    const Index keys = 6, dim = 2;
    Tensor q = Tensor::zeros({4, dim}), k = Tensor::zeros({keys, dim});
    for (Index i = 0; i < 4; ++i) q.set({i, 0}, 1), q.set({i, 1}, static_cast<double>(i % 2));
    for (Index j = 0; j < keys; ++j)
      k.set({j, 0}, size + static_cast<double>(g.integers({1}, -2, 3)[0]));
    const Tensor v = g.normal({keys, 3}), seed = g.normal({4, 3});
    const auto run = [&](DType dtype) {
      Tape tape;
      const Var a = tape.watch(q.to(dtype)), b = tape.watch(k.to(dtype)),
                c = tape.watch(v.to(dtype));
      const Var y =
          attention(a, b, c, {RowGroups::equal(1, 4), RowGroups::equal(1, keys), 1, false, 1.0});
      const Gradients all = tape.backward(sum(y * seed.to(dtype)));
      return std::vector<Tensor>{y.value(), all[b], all[c]};
    };
    const auto narrow = run(f32), wide = run(f64);
    for (std::size_t i = 0; i < narrow.size(); ++i) {
      CAPTURE(i);
      CHECK(distance(narrow[i], wide[i]) < 3e-6);
    }
  }
}

TEST_CASE("attention saves two values per query and head, not its logits") {
  const Index steps = 1000;
  Generator g(3);
  const RowGroups groups = RowGroups::equal(1, steps);
  const Tensor x = g.normal({steps, 3 * 16});
  Tape tape;
  const Var v = tape.watch(x);
  const Index before = memory::stats().in_use;
  const Var y = self_attention(v, {groups, groups, 2});
  CHECK(memory::stats().in_use - before < 2 * steps * (16 + 4) * 4);
  CHECK(max(abs(tape.backward(sum(square(y)))[v])).item() > 0);
}

TEST_CASE("results do not depend on the number of threads, and NaN is not lost") {
  Generator g(4);
  const RowGroups groups = RowGroups::of(SequenceLayout({50, 3, 20}));
  Tensor x = g.normal({73, 3 * 32});
  const int before = threads();
  std::vector<Result> results;
  for (int count : {1, 2, 3}) {
    set_threads(count);
    results.push_back(run({x}, Tensor::ones({73, 32}), [&](const auto& v) {
      return self_attention(v[0], {groups, groups, 4, true});
    }));
  }
  set_threads(before);
  for (int i : {1, 2}) check_equal(results[i], results[0], 0x1p-60);
  x.set({0, 33}, NAN);  // a key
  CHECK(!all_finite(self_attention(x, {groups, groups, 4}).value()));
}

TEST_CASE("rows with a wrong number of fields are refused with a sentence") {
  const Tensor x = Tensor::zeros({6, 12});
  const RowGroups three = RowGroups::equal(2, 3), two = RowGroups::equal(2, 2);
  CHECK_THROWS_WITH_AS(self_attention(x, {three, three, 5}),
                       "attention: columns that divide by 15 heads were required: got [6, 12]",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      self_attention(x, {two, two, 2}),
      "attention: as many sequences of queries as of keys, with 6 and 6 rows in all, were "
      "required: got 2 sequences of 4 rows and 2 of 4",
      std::invalid_argument);
  CHECK_THROWS_AS(attention(x, x, x.to(f64), {three, three, 2}), std::invalid_argument);
  CHECK_THROWS_AS(attention(x, Tensor::zeros({6, 10}), x, {three, three, 2}),
                  std::invalid_argument);
  CHECK_THROWS_WITH_AS(RowGroups(IndexTensor::of({0, 1, 1}), {0, 3}),
                       "row groups: each row once was required: row 1 came twice",
                       std::invalid_argument);
  CHECK_THROWS_AS(RowGroups(IndexTensor::arange(3), {0, 2}), std::invalid_argument);
  check_refused(
      [&] {
        (void)self_attention(x, {.queries = three, .keys = three, .heads = 4, .kv_heads = 3});
      },
      "attention: at least one head, and kv_heads that divide the heads, were required: got 4 and "
      "3");
  check_refused(
      [&] { (void)self_attention(x, {.queries = three, .keys = three, .heads = 2, .window = -1}); },
      "attention: a window of at least 1, or 0 for none, was required: got -1");
}

TEST_CASE("invalid row groups are refused") {
  constexpr Index kHuge = std::numeric_limits<Index>::max();
  for (const auto& [count, length] : std::vector<std::pair<Index, Index>>{
           {-1, 2}, {2, -1}, {-2, -3}, {kHuge, 3}, {Index{1} << 40, Index{1} << 40}, {kHuge, 0}})
    CHECK_THROWS_AS(RowGroups::equal(count, length), std::invalid_argument);
  CHECK(RowGroups::equal(0, 5).count() == 0);
  CHECK(RowGroups::equal(2, 3).rows_of(1) == IndexTensor::of({3, 4, 5}));
  check_refused([] { (void)RowGroups::equal(2, 3).rows_of(2); },
                "row groups: a group in [0, 2) was required: got 2");
  check_refused([] { (void)RowGroups::equal(2, 3).rows_of(-1); }, "got -1");
}
