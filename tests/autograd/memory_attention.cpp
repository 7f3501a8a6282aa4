// memory_attention: attention whose weights are a result, against its reference and its formula.
#include "tests/nn/random_sequences.h"

#include <unroll/autograd/fused.h>
#include <unroll/autograd/sequence/memory_attention.h>
#include <unroll/tensor/indexing.h>

#include <cmath>

using namespace unroll;

namespace {

// Rows 0 .. n-1 in random order, divided among `groups` groups, of which some may have none.
RowGroups random_groups(Generator& g, Index n, Index groups) {
  std::vector<Index> offsets{0};
  for (Index s = 1; s < groups; ++s) offsets.push_back(g.below(n + 1));
  std::sort(offsets.begin(), offsets.end());
  offsets.push_back(n);
  return {IndexTensor(g.permutation(n)), offsets};
}
// As many groups, of one key or more each.
RowGroups random_keys(Generator& g, Index groups, Index* n) {
  std::vector<Index> offsets{0};
  for (Index s = 0; s < groups; ++s) offsets.push_back(offsets.back() + 1 + g.below(40));
  *n = offsets.back();
  return {IndexTensor(g.permutation(*n)), offsets};
}

struct Inputs {
  MemoryRows rows;
  std::vector<Tensor> values;  // q, k, values, v
};

Inputs random_inputs(Generator& g, DType dtype, double scale = 1) {
  const Index groups = 1 + g.below(5), queries = 1 + g.below(30), size = 1 + g.below(40),
              value_size = 1 + g.below(40);
  Index keys = 0;
  const RowGroups k = random_keys(g, groups, &keys);
  return {{random_groups(g, queries, groups), k},
          {g.normal({queries, size}, 0, scale, dtype), g.normal({keys, size}, 0, scale, dtype),
           g.normal({keys, value_size}, 0, 1, dtype), g.normal({size}, 0, 1, dtype)}};
}

struct Result {
  Tensor out, weights;
  std::vector<Tensor> gradients;
};

enum class Seed { both, out, weights };

Result run(const Inputs& in, bool additive, Seed seed, bool reference) {
  std::optional<UseReference> slow;
  if (reference) slow.emplace();
  Tape tape;
  std::vector<Var> x;
  for (const Tensor& t : in.values) x.push_back(tape.watch(t));
  const auto [out, weights] = memory_attention(x[0], x[1], x[2], additive ? x[3] : Var(), in.rows);
  Generator g(5);
  const auto weighted = [&](const Var& y) { return sum(y * g.normal(y.shape(), 0, 1, y.dtype())); };
  const Var loss = seed == Seed::both  ? weighted(out) + weighted(weights)
                   : seed == Seed::out ? weighted(out)
                                       : weighted(weights);
  const Gradients gradients = tape.backward(loss);
  Result result{out.value(), weights.value(), {}};
  for (std::size_t i = 0; i < (additive ? 4U : 3U); ++i) {
    const bool used = i != 2 || seed != Seed::weights;
    result.gradients.push_back(used || !reference ? gradients[x[i]]
                                                  : Tensor::zeros(x[i].shape(), x[i].dtype()));
  }
  return result;
}

}  // namespace

TEST_CASE(
    "memory attention equals its reference, values and gradients, for random groups of rows") {
  Generator g(1);
  for (const DType dtype : {f32, f64})
    for (const bool additive : {false, true})
      for (const Seed seed : {Seed::both, Seed::out, Seed::weights})
        for (int round = 0; round < 8; ++round) {
          const Inputs in = random_inputs(g, dtype);
          const Result a = run(in, additive, seed, false), b = run(in, additive, seed, true);
          const double tolerance = dtype == f32 ? 2e-5 : 1e-13;
          CHECK(distance(a.out, b.out) < tolerance);
          CHECK(distance(a.weights, b.weights) < tolerance);
          for (std::size_t i = 0; i < a.gradients.size(); ++i) {
            CAPTURE(i);
            CHECK(distance(a.gradients[i], b.gradients[i]) <
                  tolerance * (1 + max(abs(b.gradients[i])).item()));
          }
        }
}

TEST_CASE("the weights of a query row begin at weights_at, and their sum is 1") {
  Generator g(2);
  for (int round = 0; round < 20; ++round) {
    const Inputs in = random_inputs(g, f64);
    const auto& x = in.values;
    const auto a = memory_attention(x[0], x[1], x[2], x[3], in.rows);
    const std::vector<Index> at = in.rows.weights_at();
    REQUIRE(at.back() == a.weights.numel());
    for (Index s = 0; s < in.rows.keys.count(); ++s)
      for (const Index row : in.rows.queries.rows_of(s)) {
        const IndexTensor keys = in.rows.keys.rows_of(s);
        REQUIRE(at[row + 1] - at[row] == keys.numel());
        const Tensor w = a.weights.value().narrow(0, at[row], keys.numel());
        CHECK(sum(w).item() == doctest::Approx(1));
        const Tensor mean = matmul(w, index_select(x[2], 0, keys));
        CHECK(distance(mean, a.out.value().select(0, row)) < 1e-13);
      }
  }
}

TEST_CASE("large logits of memory attention neither overflow nor make NaN") {
  Generator g(3);
  for (const DType dtype : {f32, f64})
    for (const bool additive : {false, true}) {
      const Inputs in = random_inputs(g, dtype, 1e4);
      const Result a = run(in, additive, Seed::both, false);
      CHECK(std::isfinite(sum(abs(a.out)).item()));
      for (const Tensor& gradient : a.gradients) CHECK(std::isfinite(sum(abs(gradient)).item()));
    }
}

TEST_CASE("memory attention has the same results on any number of threads") {
  Generator g(4);
  const int before = threads();
  for (int round = 0; round < 4; ++round) {
    const Inputs in = random_inputs(g, f32);
    set_threads(1);
    const Result a = run(in, true, Seed::both, false);
    set_threads(3);
    const Result b = run(in, true, Seed::both, false);
    CHECK(distance(a.weights, b.weights) == 0);
    for (std::size_t i = 0; i < a.gradients.size(); ++i)
      CHECK(distance(a.gradients[i], b.gradients[i]) == 0);
  }
  set_threads(before);
}

TEST_CASE("memory attention refuses what does not fit") {
  const RowGroups one = RowGroups::equal(1, 2), two = RowGroups::equal(2, 1);
  const Tensor x = random({2, 3}, 1), v = random({3}, 2);
  check_refused(
      [&] {
        memory_attention(x, random({2, 4}, 1), x, v, {one, one});
      },
      "memory_attention: q [R, H], k [M, H] and values [M, D] were required: got [2, 3], "
      "[2, 4] and [2, 3]");
  check_refused([&] { memory_attention(x, x, random({3, 3}, 1), v, {one, one}); }, "[3, 3]");
  check_refused(
      [&] {
        memory_attention(x, x, x, random({2}, 1), {one, one});
      },
      "memory_attention: v [3] was required: got [2]");
  check_refused(
      [&] {
        memory_attention(x, x, x, v, {one, two});
      },
      "got 1 groups of 2 rows and 2 of 2");
  check_refused([&] { memory_attention(x, x.to(f32), x, v, {one, one}); }, "memory_attention: ");
  check_refused(
      [&] {
        memory_attention(Var(), x, x, v, {one, one});
      },
      "memory_attention: a value was required");
  check_refused(
      [&] {
        memory_attention(x, x, x, v, {two, RowGroups(IndexTensor::of({0, 1}), {0, 2, 2})});
      },
      "memory_attention: at least one key for every query was required: group 1 has none");
}
