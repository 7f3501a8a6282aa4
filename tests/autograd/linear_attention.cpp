// Linear attention: against the equations of the paper, in steps, and at its edges. The relations
// that all ops along time obey are in scan.cpp.
#include "tests/nn/random_sequences.h"

#include <unroll/autograd/sequence/linear_attention.h>
#include <unroll/tensor/math.h>

#include <cmath>

using namespace unroll;

namespace {

double phi(double x) { return x > 0 ? x + 1 : std::exp(x); }

}  // namespace

TEST_CASE("linear attention is the loop over steps, keys and values of the paper") {
  Generator g(1);
  for (const DType dtype : {f32, f64})
    for (const bool causal : {false, true})
      for (const Index steps : {Index{1}, Index{63}, Index{64}, Index{65}, Index{200}}) {
        const Index heads = 1 + g.below(3), size = 1 + g.below(9), wide = 1 + g.below(9);
        const Tensor q = g.normal({steps, heads * size}, 0, 1, dtype),
                     k = g.normal({steps, heads * size}, 0, 1, dtype),
                     v = g.normal({steps, heads * wide}, 0, 1, dtype);
        const RowGroups rows = RowGroups::equal(1, steps);
        const Tensor y =
            linear_attention(
                q, k, v,
                {.queries = rows, .keys = rows, .heads = heads, .causal = causal, .eps = 1e-6})
                .rows.value();
        double worst = 0;
        for (Index h = 0; h < heads; ++h)
          for (Index t = 0; t < steps; ++t) {
            double total = 1e-6;
            std::vector<double> sum(static_cast<std::size_t>(wide));
            for (Index s = 0; s < (causal ? t + 1 : steps); ++s) {
              double weight = 0;
              for (Index i = 0; i < size; ++i)
                weight += phi(q.at({t, h * size + i})) * phi(k.at({s, h * size + i}));
              total += weight;
              for (Index j = 0; j < wide; ++j) sum[j] += weight * v.at({s, h * wide + j});
            }
            for (Index j = 0; j < wide; ++j)
              worst = std::max(worst, std::abs(y.at({t, h * wide + j}) - sum[j] / total));
          }
        CHECK(worst < (dtype == f32 ? 1e-4 : 1e-12));
      }
}

TEST_CASE("steps of linear attention give what the whole gives, and their state does not grow") {
  Generator g(2);
  const Index batch = 3, steps = 150, heads = 2, size = 5, wide = 4;
  const auto rows = [&](Index columns) { return g.normal({batch * steps, columns}, 0, 1, f64); };
  const Tensor q = rows(heads * size), k = rows(heads * size), v = rows(heads * wide);
  const RowGroups groups = RowGroups::of(SequenceLayout::equal(batch, steps));
  const ScanOutput whole = linear_attention(
      q, k, v, {.queries = groups, .keys = groups, .heads = heads, .causal = true});
  Var state;
  for (Index t = 0; t < steps; ++t) {
    const auto now = [&](const Tensor& x) { return x.narrow(0, t * batch, batch); };
    const Var y = linear_attention_step(now(q), now(k), now(v), state, {.heads = heads});
    CHECK(distance(y.value(), whole.rows.value().narrow(0, t * batch, batch)) < 1e-12);
    CHECK(state.shape() == Shape{batch, heads, size, wide + 1});
  }
  CHECK(distance(state.value(), whole.last.value()) < 1e-11);
}

TEST_CASE("queries without keys, features of 0 and an empty batch give zeros, never NaN") {
  Generator g(3);
  const Tensor x = g.normal({4, 6}, 0, 1, f64);
  // The first sequence has queries and no keys, the second keys and no queries.
  const LinearAttentionRows none{.queries = {IndexTensor::arange(4), {0, 4, 4}},
                                 .keys = {IndexTensor::arange(4), {0, 0, 4}}};
  Tape tape;
  const Var q = tape.watch(x), k = tape.watch(x), v = tape.watch(x);
  const Var y = linear_attention(q, k, v, none).rows;
  CHECK(y.value().to_vector<double>() == std::vector<double>(24, 0));
  const Gradients d = tape.backward(sum(y));
  for (const Var& in : {q, k, v}) CHECK(d[in].to_vector<double>() == std::vector<double>(24, 0));

  for (const bool causal : {false, true})
    for (const DType dtype : {f32, f64}) {
      const RowGroups rows = RowGroups::equal(1, 4);
      const Tensor low = Tensor::full({4, 6}, -1e4, dtype);
      Tape own;
      const Var a = own.watch(low), b = own.watch(low), c = own.watch(x.to(dtype));
      const Var z =
          linear_attention(a, b, c, {.queries = rows, .keys = rows, .causal = causal}).rows;
      CHECK(z.value().to_vector<double>() == std::vector<double>(24, 0));
      const Gradients dz = own.backward(sum(z));
      for (const Var& in : {a, b, c}) CHECK(all_finite(dz[in]));
    }

  const Tensor empty = Tensor::zeros({0, 6});
  const RowGroups no_rows(IndexTensor(std::vector<Index>{}), {0});
  const ScanOutput out =
      linear_attention(empty, empty, empty, {.queries = no_rows, .keys = no_rows, .causal = true});
  CHECK(out.rows.shape() == Shape{0, 6});
  CHECK(out.last.shape() == Shape{0, 1, 6, 7});
}

TEST_CASE("a change of later keys and values leaves earlier causal outputs as they are") {
  Generator g(4);
  const Index steps = 200, changed = 130;
  const Tensor q = g.normal({steps, 6}), k = g.normal({steps, 6}), v = g.normal({steps, 6});
  const RowGroups rows = RowGroups::equal(1, steps);
  const LinearAttentionRows o{.queries = rows, .keys = rows, .heads = 2, .causal = true};
  const Tensor before = linear_attention(q, k, v, o).rows.value();
  Tensor k2 = k.clone(), v2 = v.clone();
  k2.narrow(0, changed, steps - changed).fill_(3);
  v2.narrow(0, changed, steps - changed).fill_(-7);
  const Tensor after = linear_attention(q, k2, v2, o).rows.value();
  CHECK(distance(before.narrow(0, 0, changed), after.narrow(0, 0, changed)) == 0);
  CHECK(distance(before.narrow(0, changed, 1), after.narrow(0, changed, 1)) > 0.01);
}

TEST_CASE("linear attention refuses what does not fit, in a sentence") {
  const Tensor x = Tensor::zeros({5, 4});
  const RowGroups rows = RowGroups::equal(1, 5), two = RowGroups::equal(2, 2);
  const LinearAttentionRows good{.queries = rows, .keys = rows, .heads = 2, .causal = true};
  CHECK(linear_attention(x, x, x, good).rows.shape() == Shape{5, 4});
  const auto refused = [&](const Tensor& q, const Tensor& k, const Tensor& v, auto change,
                           const char* text, const Var& state = {}) {
    LinearAttentionRows bad = good;
    change(bad);
    check_refused([&] { (void)linear_attention(q, k, v, bad, state); }, text);
  };
  const auto as_is = [](auto&) {};
  refused(
      x, x, x, [](auto& o) { o.heads = 3; },
      "linear_attention: rows [N, heads x size] that divide by 3 heads were required: got [5, 4]");
  refused(x, Tensor::zeros({5, 6}), x, as_is,
          "linear_attention: q [N, H K], k [M, H K] and v [M, H D] were required: got [5, 4], [5, "
          "6] and [5, 4]");
  refused(x, x, x.to(f64), as_is, "linear_attention");
  refused(
      x, x, x, [&](auto& o) { o.keys = two; },
      "linear_attention: as many sequences of queries as of keys");
  refused(
      x, x, x,
      [&](auto& o) {
        o.queries = {IndexTensor::arange(5), {0, 2, 5}},
        o.keys = {IndexTensor::arange(5), {0, 3, 5}};
      },
      "linear_attention: with causal, as many queries as keys in each sequence were required");
  refused(
      x, x, x, [](auto& o) { o.causal = false, o.reverse = true; },
      "linear_attention: reverse with causal only was required");
  refused(
      x, x, x, [](auto& o) { o.eps = 0; }, "linear_attention: an eps above 0 was required: got 0");
  refused(x, x, x, as_is,
          "linear_attention: an initial state of shape [1, 2, 2, 3] was required: got [1, 2, 2, 2]",
          Tensor::zeros({1, 2, 2, 2}));
}
