// Attention: derivatives, masks, and the relations between padded, ragged and single sequences.
#include "random_sequences.h"

#include <unroll/autograd/gradcheck.h>
#include <unroll/nn/attention.h>

#include <cmath>
#include <limits>

using namespace unroll;

namespace {

using Vars = std::vector<Var>;

void check_derivatives(const std::string& name, const Function& f, const std::vector<Tensor>& at) {
  CAPTURE(name);
  const auto first = gradcheck(f, at, {.name = name}),
             second = gradgradcheck(f, at, {.name = name});
  CHECK_MESSAGE(first, first.message);
  CHECK_MESSAGE(second, second.message);
}

// Query 0 sees nothing, query 1 one key, query 2 all but one.
const Tensor mask = Tensor::of({{0, 0, 0, 0}, {0, 1, 0, 0}, {1, 1, 0, 1}}, f64);

}  // namespace

TEST_CASE("scaled dot product attention is its formula, row by row") {
  Generator g(1);
  for (bool causal : {false, true})
    for (bool masked : {false, true})
      for (double scale : {0.0, 0.7}) {
        const Tensor q = g.normal({2, 3, 5}, 0, 1, f64), k = g.normal({2, 4, 5}, 0, 1, f64),
                     v = g.normal({2, 4, 2}, 0, 1, f64);
        const auto a = nn::scaled_dot_product_attention(
            q, k, v,
            {.causal = causal, .mask = masked ? mask : Tensor(), .scale = scale, .weights = true});
        for (Index b : {0, 1})
          for (Index t = 0; t < 3; ++t) {
            double total = 0, out[2] = {0, 0};
            std::vector<double> e(4, 0);
            for (Index s = 0; s < 4; ++s) {
              if ((causal && s > t + 1) || (masked && mask.at({t, s}) == 0)) continue;
              const double dot =
                  sum(mul(q.select(0, b).select(0, t), k.select(0, b).select(0, s))).item();
              e[s] = std::exp(dot * (scale > 0 ? scale : 1 / std::sqrt(5.0)));
              total += e[s];
            }
            for (Index s = 0; s < 4; ++s) {
              const double w = total > 0 ? e[s] / total : 0;
              CHECK(a.weights.value().at({b, t, s}) == doctest::Approx(w).epsilon(1e-12));
              for (Index j : {0, 1}) out[j] += w * v.at({b, s, j});
            }
            for (Index j : {0, 1})
              CHECK(a.out.value().at({b, t, j}) == doctest::Approx(out[j]).epsilon(1e-12));
          }
      }
}

TEST_CASE("scaled dot product attention has the derivatives of finite differences") {
  const std::vector<Tensor> at{random({2, 3, 2}, 1), random({2, 4, 2}, 2), random({2, 4, 3}, 3)};
  for (bool causal : {false, true})
    for (bool masked : {false, true}) {
      const nn::AttentionOptions options{
          .causal = causal, .mask = masked ? mask : Tensor(), .weights = true};
      check_derivatives(
          fmt::format("causal {} mask {}", causal, masked),
          [&](const Vars& v) {
            const auto a = nn::scaled_dot_product_attention(v[0], v[1], v[2], options);
            return sum(square(a.out)) + sum(square(a.weights));
          },
          at);
    }
}

TEST_CASE("a query without visible keys gives zeros with zero gradients, never NaN") {
  for (DType dtype : {f32, f64})
    for (bool by_reference : {false, true}) {
      Tape tape;
      const Var q = tape.watch(random({3, 2}, 1, dtype)), k = tape.watch(random({4, 2}, 2, dtype)),
                v = tape.watch(random({4, 2}, 3, dtype));
      const auto a = nn::scaled_dot_product_attention(q, k, v, {.mask = mask, .weights = true});
      CHECK(max(abs(a.out.value().select(0, 0))).item() == 0);
      CHECK(max(abs(a.weights.value().select(0, 0))).item() == 0);
      CHECK(distance(sum(a.weights.value(), {1}), Tensor::of({0, 1, 1}, dtype)) < 1e-6);
      const Var loss = sum(square(a.out)) + sum(a.out);
      const auto d = grad(loss, {q, k, v}, {.create_graph = by_reference});
      for (const Var& x : d) CHECK(all_finite(x.value()));
      CHECK(max(abs(d[0].value().select(0, 0))).item() == 0);
      CHECK(max(abs(d[1].value().select(0, 2))).item() == 0);  // a key that nobody sees
      CHECK(max(abs(d[2].value().select(0, 2))).item() == 0);
      CHECK(max(abs(d[0].value())).item() > 0);
      if (!by_reference) continue;
      for (const Var& x : grad(sum(square(d[0])), {q, k, v}))
        if (x.defined()) CHECK(all_finite(x.value()));
    }
}

TEST_CASE("masked keys have no effect, and the order of keys does not matter") {
  Generator g(2);
  const Tensor q = g.normal({3, 2}, 0, 1, f64);
  Tensor k = g.normal({4, 2}, 0, 1, f64), v = g.normal({4, 3}, 0, 1, f64);
  const Tensor all = nn::scaled_dot_product_attention(q, k, v).out.value();
  const IndexTensor order(g.permutation(4));
  const Tensor permuted = nn::scaled_dot_product_attention(q, index_select(Var(k), 0, order),
                                                           index_select(Var(v), 0, order))
                              .out.value();
  CHECK(distance(all, permuted) < 1e-14);
  const Tensor before = nn::scaled_dot_product_attention(q, k, v, {.mask = mask}).out.value();
  k.select(0, 2).fill_(1e6), v.select(0, 2).fill_(-1e6);
  CHECK(distance(nn::scaled_dot_product_attention(q, k, v, {.mask = mask}).out.value(), before) ==
        0);
  // Causal: a later key changes no earlier query.
  const Tensor x = g.normal({5, 2}, 0, 1, f64);
  Tensor y = x.clone();
  y.narrow(0, 3, 2).fill_(9);
  const auto causal = [](const Tensor& z) {
    return nn::scaled_dot_product_attention(z, z, z, {.causal = true}).out.value();
  };
  CHECK(distance(causal(x).narrow(0, 0, 3), causal(y).narrow(0, 0, 3)) == 0);
  CHECK(distance(causal(x), causal(y)) > 1);
}

TEST_CASE("heads on a ragged batch equal each sequence alone, values and gradients") {
  manual_seed(3);
  Generator g(4);
  for (Index heads : {1, 3})
    for (bool causal : {false, true})
      for (bool equal : {false, true}) {
        const nn::MultiHeadAttention layer({.dim = 6, .heads = heads, .dtype = f64});
        const auto lengths = equal ? std::vector<Index>(3, 4) : random_lengths(g, 5, 7);
        const nn::Sequence x = random_sequence(g, lengths, 6);
        const nn::Sequence all = layer(x, {.causal = causal});
        CHECK(all.layout == x.layout);
        const NamedParams params = nn::parameters(layer);
        const auto together =
            gradients_of([&] { return sum(square(layer(x, {.causal = causal}).rows)); }, params);
        const auto apart = gradients_of(
            [&] {
              Var total = Tensor::scalar(0, f64);
              for (Index b = 0; b < x.size(); ++b) {
                const Var one = unsqueeze(x.at(b), 0);
                total = total + sum(square(layer(one, one, one, {.causal = causal}).out));
              }
              return total;
            },
            params);
        for (std::size_t i = 0; i < params.size(); ++i)
          CHECK(distance(together[i], apart[i]) < 1e-11);
        for (Index b = 0; b < x.size(); ++b) {
          const Var one = unsqueeze(x.at(b), 0);
          CHECK(distance(all.at(b).value(),
                         layer(one, one, one, {.causal = causal}).out.value().select(0, 0)) <
                1e-13);
        }
      }
}

TEST_CASE("heads: a permuted batch, permuted steps, and queries apart from their keys") {
  manual_seed(5);
  Generator g(6);
  const nn::MultiHeadAttention layer({.dim = 4, .heads = 2, .dtype = f64});
  const Var x = g.normal({3, 5, 4}, 0, 1, f64);
  const Tensor y = layer(x, x, x).out.value();
  for (int axis : {0, 1}) {  // without positions, attention is a function of sets
    const IndexTensor order(g.permutation(x.size(axis)));
    const Var p = index_select(x, axis, order);
    CHECK(distance(layer(p, p, p).out.value(), index_select(Var(y), axis, order).value()) < 1e-13);
  }
  // The product for all three at once equals three.
  const Var q = x.value().clone(), k = x.value().clone();
  const auto apart = layer(q, k, x, {.weights = true}), same = layer(x, x, x, {.weights = true});
  CHECK(distance(apart.out.value(), y) < 1e-13);
  CHECK(apart.weights.shape() == Shape{3, 2, 5, 5});
  CHECK(distance(apart.weights.value(), same.weights.value()) < 1e-14);
  CHECK(distance(sum(same.weights.value(), {-1}), Tensor::ones({3, 2, 5}, f64)) < 1e-13);
  const Var fewer = narrow(x, 1, 0, 2);
  CHECK(distance(layer(fewer, x, x).out.value(), y.narrow(1, 0, 2)) < 1e-13);
}

TEST_CASE("heads have the derivatives of finite differences, and a fully masked row is the bias") {
  manual_seed(7);
  const nn::MultiHeadAttention layer({.dim = 4, .heads = 2, .dtype = f64});
  layer.out.bias.handle()->set_value(random({4}, 1));
  Tensor visible = Tensor::ones({2, 1, 3, 3}, f64);
  visible.select(0, 1).narrow(1, 0, 1).fill_(0);
  const auto f = [&](const Vars& v) {
    return square(layer(v[0], v[1], v[1], {.causal = true, .mask = visible}).out);
  };
  check_derivatives("heads", f, {random({2, 3, 4}, 2), random({2, 3, 4}, 3)});
  const Var x = random({2, 3, 4}, 2);
  const auto params = gradcheck_params([&] { return f({x, x}); }, nn::parameters(layer));
  CHECK_MESSAGE(params, params.message);
  CHECK(distance(layer(x, x, x, {.mask = visible}).out.value().select(0, 1).select(0, 0),
                 layer.out.bias.value()) == 0);
  const SequenceLayout layout({2, 3, 1});
  check_derivatives("ragged",
                    [&](const Vars& v) { return square(layer(nn::Sequence(v[0], layout)).rows); },
                    {random({6, 4}, 4)});
}

TEST_CASE("softmax_by_sequence equals softmax of each sequence's logits") {
  Generator g(8);
  for (int trial = 0; trial < 20; ++trial) {
    const SequenceLayout layout(random_lengths(g, 1 + g.below(6), 7));
    const nn::Sequence logits(g.normal({layout.rows()}, 0, 3, f64), layout);
    const nn::Sequence weights(nn::softmax_by_sequence(logits.rows, layout), layout);
    for (Index b = 0; b < layout.sequences(); ++b)
      CHECK(distance(weights.at(b).value(), softmax(logits.at(b)).value()) < 1e-14);
  }
  const SequenceLayout layout({2, 4, 1});
  check_derivatives("softmax by sequence",
                    [&](const Vars& v) { return square(nn::softmax_by_sequence(v[0], layout)); },
                    {random({7}, 1)});
}

TEST_CASE("additive attention equals its formula for each sequence") {
  manual_seed(9);
  Generator g(10);
  const nn::AdditiveAttention layer({.query = 3, .key = 4, .hidden = 5, .dtype = f64});
  const nn::Sequence keys = random_sequence(g, random_lengths(g, 6, 7), 4);
  const Var query = g.normal({6, 3}, 0, 1, f64);
  const auto a = layer(query, keys);
  CHECK(a.out.shape() == Shape{6, 4});
  const nn::Sequence weights(a.weights, keys.layout);
  for (Index b = 0; b < 6; ++b) {
    const Var q = matmul(select(query, 0, b), layer.wq.weight) + layer.wq.bias;
    const Var logits = matmul(tanh(matmul(keys.at(b), layer.wk.weight) + q), layer.v);
    const Var w = softmax(logits, 0);  // [L, 1]
    CHECK(distance(weights.at(b).value(), squeeze(w, 1).value()) < 1e-14);
    CHECK(distance(a.out.value().select(0, b), sum(w * keys.at(b), {0}).value()) < 1e-13);
  }
  check_derivatives("additive",
                    [&](const Vars& v) {
                      const auto out = layer(v[0], {v[1], SequenceLayout({2, 1, 3})});
                      return sum(square(out.out)) + sum(square(out.weights));
                    },
                    {random({3, 3}, 1), random({6, 4}, 2)});
  const auto params =
      gradcheck_params([&] { return square(layer(query, keys).out); }, nn::parameters(layer));
  CHECK_MESSAGE(params, params.message);
}

TEST_CASE("dropout of the weights while a tape lives, and only then") {
  manual_seed(11);
  const nn::MultiHeadAttention layer({.dim = 4, .heads = 2, .dropout = 0.5, .dtype = f64});
  const Var x = random({1, 6, 4}, 1);
  const Tensor off = layer(x, x, x).out.value();
  CHECK(distance(off, layer(x, x, x).out.value()) == 0);
  Tape tape;
  const Tensor a = layer(x, x, x).out.value(), b = layer(x, x, x).out.value();
  CHECK(distance(a, b) > 0);
  CHECK(distance(a, off) > 0);
}

TEST_CASE("attention refuses shapes and options that do not fit") {
  const Tensor q = random({3, 2}, 1), k = random({4, 2}, 2), v = random({4, 2}, 3);
  check_refused([&] { nn::scaled_dot_product_attention(q, random({4, 3}, 1), v); }, "[4, 3]");
  check_refused(
      [&] {
        nn::scaled_dot_product_attention(q, k, random({3, 2}, 1));
      },
      "attention: q [.., T, K]");
  check_refused([&] { nn::scaled_dot_product_attention(random({2}, 1), k, v); }, "got [2], [4, 2]");
  check_refused([&] { nn::scaled_dot_product_attention(q, k, v, {.mask = Tensor::ones({5})}); },
                "[5]");
  for (const double scale : {-1.0, double{NAN}, double{INFINITY}})
    check_refused([&] { nn::scaled_dot_product_attention(q, k, v, {.scale = scale}); },
                  "attention: a scale above 0, or 0 for the usual one, was required: got ");
  for (const double p : {-1.0, 1.0, 7.0, double{NAN}}) {
    check_refused([&] { nn::scaled_dot_product_attention(q, k, v, {.dropout = p}); },
                  "attention's dropout: a probability in [0, 1) was required: got ");
    check_refused([&] { nn::MultiHeadAttention({.dim = 4, .heads = 2, .dropout = p}); },
                  "MultiHeadAttention's dropout: a probability in [0, 1) was required: got ");
  }
  check_refused([] { nn::MultiHeadAttention({.dim = Index{1} << 62}); },
                "MultiHeadAttention: sizes whose product fits 63 bits were required");
  check_refused([] { nn::MultiHeadAttention({.dim = 4, .heads = 3}); },
                "MultiHeadAttention: a dim that divides by heads was required: got 4 and 3");
  check_refused([] { nn::MultiHeadAttention({.dim = 4, .heads = 0}); }, "got 4 and 0");
  const nn::MultiHeadAttention layer({.dim = 4, .heads = 2, .dtype = f64});
  const Var good = random({2, 3, 4}, 1), narrow = random({2, 3, 5}, 1), more = random({3, 3, 4}, 1);
  check_refused([&] { layer(narrow, narrow, narrow); }, "MultiHeadAttention: inputs [B, T, 4]");
  check_refused([&] { layer(good, more, more); }, "got [2, 3, 4], [3, 3, 4]");
  check_refused(
      [&] {
        layer({random({3, 5}, 1), SequenceLayout({3})});
      },
      "MultiHeadAttention: rows [N, 4] were required: got [3, 5]");
  check_refused(
      [&] {
        layer({random({3, 4}, 1), SequenceLayout({3})}, {.weights = true});
      },
      "a Sequence is masked by its lengths");
  const nn::AdditiveAttention additive({.query = 3, .key = 4, .hidden = 5, .dtype = f64});
  check_refused(
      [&] {
        additive(random({2, 3}, 1), {random({3, 4}, 1), SequenceLayout({3})});
      },
      "AdditiveAttention: one query for each of 1 sequences was required: got [2, 3]");
  check_refused([] { nn::softmax_by_sequence(random({2}, 1), SequenceLayout({3})); },
                "softmax_by_sequence: 3 logits were required: got [2]");
}
