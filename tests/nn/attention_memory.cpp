// Attention over a memory: keys projected once, ragged queries over ragged keys, a bias of the
// logits, and dropout inside the fused op.
#include "tests/nn/random_sequences.h"

#include <unroll/autograd/fused.h>
#include <unroll/autograd/gradcheck.h>
#include <unroll/autograd/mode.h>
#include <unroll/autograd/sequence/attention.h>
#include <unroll/nn/attention.h>
#include <unroll/nn/module.h>

#include <cmath>

using namespace unroll;

namespace {

nn::Sequence sequences(const std::vector<Index>& lengths, Index dim, std::uint64_t seed,
                       DType dtype = f64) {
  const SequenceLayout layout(lengths);
  return {random({layout.rows(), dim}, seed, dtype), layout};
}

Tensor padded_one(const Var& rows) { return rows.value().unsqueeze(0); }  // [1, L, D]

}  // namespace

TEST_CASE("ragged cross attention equals each pair of sequences by itself") {
  const nn::MultiHeadAttention attention({.dim = 6, .heads = 3, .dtype = f64});
  const nn::Sequence queries = sequences({3, 1, 5}, 6, 1), keys = sequences({2, 7, 4}, 6, 2);
  for (bool causal : {false, true}) {
    const nn::Sequence out = attention(queries, attention.prepare(keys), {.causal = causal});
    for (Index b = 0; b < 3; ++b) {
      const Tensor q = padded_one(queries.at(b)), k = padded_one(keys.at(b));
      const Var alone = attention(q, k, k, {.causal = causal}).out;
      CHECK(distance(out.at(b).value(), alone.value().squeeze(0)) < 1e-14);
    }
  }
}

TEST_CASE("attention to a memory prepared from the queries equals self attention") {
  const nn::MultiHeadAttention attention({.dim = 4, .heads = 2, .dtype = f64});
  const nn::Sequence x = sequences({4, 6, 1}, 4, 3);
  CHECK(distance(attention(x, attention.prepare(x)).rows.value(), attention(x).rows.value()) <
        1e-14);
}

TEST_CASE("one query for each sequence equals a sequence of one query") {
  const nn::MultiHeadAttention attention({.dim = 4, .heads = 2, .dtype = f64});
  const nn::Sequence keys = sequences({2, 5, 3}, 4, 4);
  const auto memory = attention.prepare(keys);
  const Tensor query = random({3, 4}, 5);
  const Var out = attention(query, memory);
  REQUIRE(out.shape() == Shape({3, 4}));
  for (Index b = 0; b < 3; ++b) {
    const Tensor q = query.narrow(0, b, 1).unsqueeze(0), k = padded_one(keys.at(b));
    CHECK(distance(out.value().narrow(0, b, 1), attention(q, k, k).out.value().squeeze(0)) < 1e-14);
  }
  CHECK_THROWS_AS(attention(random({2, 4}, 1), memory), std::invalid_argument);
}

TEST_CASE("additive attention over a prepared memory equals that over the sequence") {
  const nn::AdditiveAttention attention({.query = 3, .key = 4, .hidden = 5, .dtype = f64});
  const nn::Sequence keys = sequences({2, 5, 3}, 4, 6);
  const auto memory = attention.prepare(keys);
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    const Tensor query = random({3, 3}, seed);
    const nn::Attended a = attention(query, memory), b = attention(query, keys);
    CHECK(distance(a.out.value(), b.out.value()) == 0);
    CHECK(distance(a.weights.value(), b.weights.value()) == 0);
  }
}

TEST_CASE("gradients reach queries and keys through a memory that serves several queries") {
  const nn::MultiHeadAttention many({.dim = 4, .heads = 2, .dtype = f64});
  const nn::AdditiveAttention additive({.query = 4, .key = 4, .hidden = 3, .dtype = f64});
  const SequenceLayout layout({3, 2});
  const Function f = [&](const std::vector<Var>& in) {
    const nn::Sequence keys(in[0], layout);
    const auto dot = many.prepare(keys);
    const auto sum_of = additive.prepare(keys);
    return many(in[1], dot) + many(in[2], dot) + additive(in[1], sum_of).out +
           additive(in[2], sum_of).out;
  };
  const std::vector<Tensor> inputs{random({5, 4}, 1), random({2, 4}, 2), random({2, 4}, 3)};
  const GradcheckResult first = gradcheck(f, inputs), second = gradgradcheck(f, inputs);
  CHECK_MESSAGE(first, first.message);
  CHECK_MESSAGE(second, second.message);
}

TEST_CASE("a bias of the logits: -inf hides a key as the mask does, and its gradient is right") {
  const nn::MultiHeadAttention attention({.dim = 4, .heads = 2, .dtype = f64});
  const Tensor x = random({2, 3, 4}, 7);
  Tensor mask = Tensor::ones({3, 3}, f64), hidden = Tensor::zeros({3, 3}, f64);
  mask.set({1, 2}, 0), hidden.set({1, 2}, -INFINITY);
  CHECK(distance(attention(x, x, x, {.bias = hidden}).out.value(),
                 attention(x, x, x, {.mask = mask}).out.value()) < 1e-15);
  CHECK(distance(attention(x, x, x, {.bias = Tensor::zeros({3, 3}, f64)}).out.value(),
                 attention(x, x, x).out.value()) < 1e-14);
  const GradcheckResult result = gradcheck(
      [&](const std::vector<Var>& in) {
        return nn::scaled_dot_product_attention(in[0], in[1], in[1], {.bias = in[2]}).out;
      },
      {random({2, 3, 4}, 1), random({2, 5, 4}, 2), random({3, 5}, 3)});
  CHECK_MESSAGE(result, result.message);
}

TEST_CASE("dropout inside fused attention equals its reference, forward and backward") {
  for (DType dtype : {f32, f64})
    for (Index length : {1, 7, 60, 130})
      for (bool causal : {false, true}) {
        const SequenceLayout layout({length, std::max<Index>(1, length - 3), 5});
        const Tensor qkv = random({layout.rows(), 3 * 2 * 5}, 3, dtype);
        const AttentionRows rows{.queries = RowGroups::of(layout),
                                 .keys = RowGroups::of(layout),
                                 .heads = 2,
                                 .causal = causal,
                                 .dropout = 0.3};
        Tensor out[2], gradient[2];
        for (bool reference : {false, true}) {
          manual_seed(5);
          Tape tape;
          const Var x = tape.watch(qkv);
          std::optional<UseReference> slow;
          if (reference) slow.emplace();
          const Var y = self_attention(x, rows);
          out[reference] = y.value();
          gradient[reference] = tape.backward(y, {.seed = random(y.shape(), 9, dtype)})[x];
        }
        const double tolerance = dtype == f32 ? 1e-5 : 1e-14;
        CHECK(distance(out[0], out[1]) < tolerance);
        CHECK(distance(gradient[0], gradient[1]) < tolerance);
      }
}

TEST_CASE(
    "dropout of attention weights drops the given share, differs between calls and is reproducible "
    "by seed") {
  const Index n = 1500;
  const RowGroups rows = RowGroups::of(SequenceLayout({n}));
  const Tensor zero = Tensor::zeros({n, 1}, f64), one = Tensor::ones({n, 1}, f64);
  const auto sums = [&] {  // of each query's weights, 1 in the mean
    return attention(zero, zero, one, {.queries = rows, .keys = rows, .dropout = 0.3}).value();
  };
  manual_seed(1);
  const Tensor a = sums(), b = sums();
  manual_seed(1);
  CHECK(distance(a, sums()) == 0);
  CHECK(distance(a, b) > 0);
  // n^2 weights of variance p / (1 - p) / n^2 each: four standard errors.
  const double spread = std::sqrt(0.3 / 0.7 / static_cast<double>(n));
  CHECK(std::abs(mean(a).item() - 1) < 4 * spread / std::sqrt(static_cast<double>(n)));
  const double measured = std::sqrt(mean(square(Var(a) - 1.0)).item());
  CHECK(measured > 0.9 * spread);
  CHECK(measured < 1.1 * spread);
}

TEST_CASE(
    "ragged self attention applies dropout in training only, with the same memory as without") {
  const nn::MultiHeadAttention with({.dim = 4, .heads = 2, .dropout = 0.5, .dtype = f64});
  nn::MultiHeadAttention without({.dim = 4, .heads = 2, .dtype = f64});
  without.query_key_value = with.query_key_value;
  without.out = with.out;
  const nn::Sequence x = sequences({5, 3}, 4, 8);
  CHECK(distance(with(x).rows.value(), without(x).rows.value()) == 0);
  {
    const Training on;
    CHECK(distance(with(x).rows.value(), without(x).rows.value()) > 0);
  }
  Tape tape;
  CHECK(distance(with(x).rows.value(), without(x).rows.value()) > 0);
  const Inference off;
  CHECK(distance(with(x).rows.value(), without(x).rows.value()) == 0);
}
