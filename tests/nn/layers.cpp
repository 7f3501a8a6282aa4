// Layers that work row by row: their formulas, their options, what they refuse.
#include "random_sequences.h"

#include <unroll/autograd/gradcheck.h>

#include <array>
#include <cmath>

using namespace unroll;

namespace {

Shape random_leading(Generator& g, Index last) {
  Shape shape;
  for (Index i = g.below(3); i > 0; --i) shape = shape.inserted(0, 1 + g.below(4));
  return shape.inserted(shape.rank(), last);
}

template <class Layer>
void check_gradients(const Layer& layer, const Tensor& x) {
  const Tensor u = random(layer(x).shape(), 9);
  const auto f = [&](const std::vector<Var>& in) { return layer(in[0]) * u; };
  const auto first = gradcheck(f, {x}), second = gradgradcheck(f, {x});
  CHECK_MESSAGE(first, first.message);
  CHECK_MESSAGE(second, second.message);
  const auto params = gradcheck_params([&] { return layer(x) * u; }, nn::parameters(layer));
  CHECK_MESSAGE(params, params.message);
}

}  // namespace

TEST_CASE("Linear is x w + b on any leading axes, and on the rows of a Sequence") {
  manual_seed(1);
  Generator g(2);
  for (int trial = 0; trial < 20; ++trial) {
    const Index in = 1 + g.below(6), out = 1 + g.below(6);
    const bool bias = g.below(2) == 1;
    const nn::Linear layer({.in = in, .out = out, .bias = bias, .dtype = f64});
    CHECK(layer.bias.defined() == bias);
    CHECK(nn::parameters(layer).size() == (bias ? 2 : 1));
    const Tensor x = g.normal(random_leading(g, in), 0, 1, f64);
    const Tensor y = layer(x).value();
    CHECK(y.shape() == x.shape().with(-1 + x.rank(), out));
    const Tensor rows = x.reshape({-1, in}), got = y.reshape({-1, out});
    for (Index r = 0; r < rows.shape()[0]; ++r)
      for (Index j = 0; j < out; ++j) {
        double expected = bias ? layer.bias.value().at({j}) : 0;
        for (Index i = 0; i < in; ++i)
          expected += rows.at({r, i}) * layer.weight.value().at({i, j});
        CHECK(got.at({r, j}) == doctest::Approx(expected).epsilon(1e-12));
      }
    const nn::Sequence s = random_sequence(g, random_lengths(g, 3, 5), in);
    const nn::Sequence t = layer(s);
    CHECK(t.layout == s.layout);
    CHECK(distance(t.rows.value(), layer(s.rows).value()) == 0);
  }
  check_gradients(nn::Linear({.in = 3, .out = 2, .dtype = f64}), random({2, 2, 3}, 4));
}

TEST_CASE("Linear is initialised like PyTorch's: uniform in +-1 / sqrt(in)") {
  manual_seed(3);
  const nn::Linear layer({.in = 25, .out = 400});
  for (const Param* p : {&layer.weight, &layer.bias}) {
    CHECK(max(abs(p->value())).item() <= 0.2);
    CHECK(max(abs(p->value())).item() > 0.19);
    CHECK(std::abs(mean(p->value()).item()) < 0.03);
  }
}

TEST_CASE("Embedding picks rows; the padding id's is zero and gets no gradient") {
  manual_seed(2);
  Generator g(3);
  for (Index padding : {-1, 0, 4}) {
    const nn::Embedding embed({.vocab = 5, .dim = 3, .padding_id = padding, .dtype = f64});
    for (Index v = 0; v < 5; ++v)
      CHECK((max(abs(embed.weight.value().select(0, v))).item() == 0) == (v == padding));
    const IndexTensor ids = g.integers({2, 7}, 0, 5);
    const Tensor y = embed(ids).value();
    CHECK(y.shape() == Shape{2, 7, 3});
    for (Index i = 0; i < 14; ++i)
      CHECK(distance(y.reshape({14, 3}).select(0, i), embed.weight.value().select(0, ids[i])) == 0);
    Tape tape;
    const Tensor d = tape.backward(sum(embed(ids)))[embed.weight];
    for (Index v = 0; v < 5; ++v) {
      const auto count = static_cast<double>(std::count(ids.begin(), ids.end(), v));
      CHECK(distance(d.select(0, v), Tensor::full({3}, v == padding ? 0 : count, f64)) == 0);
    }
    const nn::Tokens tokens = nn::Tokens::from(std::vector<std::vector<Index>>{{1, 2}, {3, 0, 4}});
    CHECK(embed(tokens).layout() == tokens.layout);
    CHECK(distance(embed(tokens).rows().value(), embed(tokens.ids).value()) == 0);
  }
}

TEST_CASE("a pretrained table is copied, and frozen by default") {
  Tensor table = random({4, 2}, 1);
  const nn::Embedding frozen(table), trained(table, {.frozen = false});
  const Tensor before = table.clone();
  table.fill_(0);
  CHECK(distance(frozen.weight.value(), before) == 0);
  Tape tape;
  const Var loss = sum(frozen(IndexTensor({1})) * 2.0) + sum(trained(IndexTensor({2})));
  const Gradients g = tape.backward(loss);
  CHECK(!g.has(frozen.weight));
  CHECK(g[trained.weight].at({2, 0}) == 1);
  CHECK(!nn::Embedding({.vocab = 2, .dim = 2, .frozen = true}).weight.trainable());
}

TEST_CASE("the gradient of a tied table is the sum of its uses as embedding and as logits") {
  manual_seed(4);
  const nn::Embedding embed({.vocab = 5, .dim = 3, .dtype = f64});
  const IndexTensor ids({1, 4, 1}), target({2, 0, 1});
  const Tensor x = random({3, 3}, 1);
  CHECK(distance(embed.logits(x).value(),
                 matmul(Var(x), transpose(Var(embed.weight.value()))).value()) == 0);
  const auto loss = [&] {
    return cross_entropy(embed.logits(embed(ids)), target, {.reduction = Reduction::sum});
  };
  const auto result = gradcheck_params(loss, nn::parameters(embed));
  CHECK_MESSAGE(result, result.message);
  CHECK(nn::parameters(embed).size() == 1);
}

TEST_CASE("LayerNorm and RMSNorm equal their formulas") {
  Generator g(5);
  for (int trial = 0; trial < 20; ++trial) {
    const Index dim = 1 + g.below(9);
    const double eps = trial % 2 ? 1e-5 : 0.1;
    nn::LayerNorm layer({.dim = dim, .eps = eps, .bias = trial % 3 > 0, .dtype = f64});
    nn::RMSNorm rms({.dim = dim, .eps = eps, .dtype = f64});
    for (const NamedParam& p : nn::parameters(layer))
      p.param->set_value(g.normal({dim}, 0, 1, f64));
    rms.gain.set_value(g.normal({dim}, 0, 1, f64));
    const Tensor x = g.normal(random_leading(g, dim), 1, 2, f64);
    const Tensor rows = x.reshape({-1, dim});
    const Tensor y = layer(x).value().reshape({-1, dim}), z = rms(x).value().reshape({-1, dim});
    for (Index r = 0; r < rows.shape()[0]; ++r) {
      double mean = 0, square = 0, variance = 0;
      const auto n = static_cast<double>(dim);
      for (Index i = 0; i < dim; ++i) mean += rows.at({r, i}) / n;
      for (Index i = 0; i < dim; ++i) {
        square += rows.at({r, i}) * rows.at({r, i}) / n;
        variance += std::pow(rows.at({r, i}) - mean, 2) / n;
      }
      for (Index i = 0; i < dim; ++i) {
        const double centred = (rows.at({r, i}) - mean) / std::sqrt(variance + eps);
        const double bias = layer.bias.defined() ? layer.bias.value().at({i}) : 0;
        CHECK(y.at({r, i}) ==
              doctest::Approx(centred * layer.gain.value().at({i}) + bias).epsilon(1e-10));
        CHECK(z.at({r, i}) ==
              doctest::Approx(rows.at({r, i}) / std::sqrt(square + eps) * rms.gain.value().at({i}))
                  .epsilon(1e-10));
      }
    }
  }
  check_gradients(nn::LayerNorm({.dim = 4, .dtype = f64}), random({3, 4}, 6));
  check_gradients(nn::LayerNorm({.dim = 4, .bias = false, .dtype = f64}), random({3, 4}, 6));
  check_gradients(nn::RMSNorm({.dim = 4, .dtype = f64}), random({2, 2, 4}, 7));
}

TEST_CASE("norms are invariant to the scale of a row, and LayerNorm also to its shift") {
  const nn::LayerNorm layer({.dim = 6, .eps = 0, .dtype = f64});
  const nn::RMSNorm rms({.dim = 6, .eps = 0, .dtype = f64});
  const Tensor x = random({5, 6}, 1);
  CHECK(distance(layer(x).value(), layer(add(mul(x, 7), -3)).value()) < 1e-12);
  CHECK(distance(rms(x).value(), rms(mul(x, 7)).value()) < 1e-12);
  CHECK(distance(rms(x).value(), rms(add(x, 1)).value()) > 0.1);
}

TEST_CASE(
    "Dropout is off without a tape, keeps the expectation with one, and p = 0 changes nothing") {
  manual_seed(6);
  const nn::Dropout layer({.p = 0.3});
  const Tensor x = Tensor::ones({200, 200}, f64);
  CHECK(distance(layer(x).value(), x) == 0);
  const std::uint64_t position = default_generator().position();
  Tape tape;
  const Tensor y = layer(x).value();
  CHECK(default_generator().position() > position);
  CHECK(mean(y).item() == doctest::Approx(1).epsilon(0.02));
  CHECK(mean(equal(y, Tensor::zeros({}, f64))).item() == doctest::Approx(0.3).epsilon(0.05));
  CHECK(distance(nn::Dropout({.p = 0})(x).value(), x) == 0);
  manual_seed(6);
  const Tensor again = layer(x).value();
  manual_seed(6);
  CHECK(distance(layer(x).value(), again) == 0);
}

TEST_CASE("variational dropout has one mask for all time steps of a sequence") {
  manual_seed(7);
  Generator g(8);
  const nn::Dropout layer({.p = 0.4});
  const auto lengths = random_lengths(g, 12, 9);
  const SequenceLayout layout(lengths);
  const nn::Sequence x(Tensor::ones({layout.rows(), 10}, f64), layout);
  CHECK(distance(layer.variational(x).rows.value(), x.rows.value()) == 0);
  Tape tape;
  const nn::Sequence y = layer.variational(x);
  double total = 0;
  for (Index b = 0; b < x.size(); ++b) {
    const Tensor rows = y.at(b).value();
    for (Index t = 1; t < lengths[b]; ++t)
      CHECK(distance(rows.select(0, t), rows.select(0, 0)) == 0);
    total += mean(rows.select(0, 0)).item() / 12;
  }
  CHECK(total == doctest::Approx(1).epsilon(0.3));
  CHECK(distance(y.at(0).value().select(0, 0), y.at(1).value().select(0, 0)) > 0);
}

TEST_CASE("Sequential applies its parts in order, with activations, to rows and to a Sequence") {
  manual_seed(9);
  const nn::Sequential net(nn::Linear({.in = 3, .out = 5, .dtype = f64}), nn::Activation(tanh),
                           nn::LayerNorm({.dim = 5, .dtype = f64}), nn::Dropout({.p = 0.5}),
                           nn::RMSNorm({.dim = 5, .dtype = f64}),
                           nn::Linear({.in = 5, .out = 2, .dtype = f64}));
  Generator g(1);
  const nn::Sequence x = random_sequence(g, {3, 1, 2}, 3);
  const auto& [first, activation, norm, dropout, rms, last] = net.parts;
  const Var expected = last(rms(norm(activation(first(x.rows)))));
  CHECK(distance(net(x.rows).value(), expected.value()) == 0);
  CHECK(distance(net(x).rows.value(), expected.value()) == 0);
  CHECK(distance(activation(first(x.rows)).value(), tanh(first(x.rows).value())) == 0);
  std::string names;
  for (const NamedParam& p : nn::parameters(net)) names += p.name + " ";
  CHECK(names ==
        "parts.0.weight parts.0.bias parts.2.gain parts.2.bias parts.4.gain parts.5.weight "
        "parts.5.bias ");
}

TEST_CASE("layers refuse invalid options and inputs, under their names") {
  check_refused([] { nn::Linear({.in = 0, .out = 2}); },
                "Linear: in and out of at least 1 were required: got 0 and 2");
  check_refused([] { nn::Linear({.in = 3, .out = -1}); }, "got 3 and -1");
  check_refused([] { nn::Linear({.in = 3, .out = 2})(Tensor::ones({2, 4})); }, "linear: ");
  check_refused([] { nn::Linear({.in = 3, .out = 2})(Tensor::ones({2, 4})); }, "[2, 4] and [3, 2]");
  check_refused([] { nn::Linear({.in = 3, .out = 2})(Tensor::ones({2, 3}, f64)); }, "f64 [2, 3]");
  check_refused([] { nn::Linear({.in = 3, .out = 2})(Var()); }, "linear: a value was required");
  check_refused([] { nn::Embedding({.vocab = 0, .dim = 2}); },
                "Embedding: vocab and dim of at least 1");
  check_refused([] { nn::Embedding({.vocab = 3, .dim = 2, .padding_id = 3}); },
                "Embedding: a padding id in [0, 3), or -1 for none, was required: got 3");
  check_refused([] { nn::Embedding({.vocab = 3, .dim = 2, .padding_id = -2}); }, "got -2");
  check_refused(
      [] {
        nn::Embedding({.vocab = 3, .dim = 2})(IndexTensor({0, 3}));
      },
      "embedding: ids in [0, 3) were required: got 3 at 1");
  check_refused([] { nn::Embedding({.vocab = 3, .dim = 2})(IndexTensor({0, -1})); }, "got -1 at 1");
  check_refused([] { nn::Embedding({.vocab = 3, .dim = 2})(IndexTensor()); },
                "Embedding: ids were required: got undefined ones");
  check_refused([] { nn::Embedding e(Tensor::ones({3})); }, "Embedding: a table [vocab, dim]");
  check_refused([] { nn::Embedding e{Tensor()}; }, "Embedding: a value was required");
  check_refused([] { nn::LayerNorm({.dim = 0}); },
                "LayerNorm: a dim of at least 1 was required: got 0");
  check_refused([] { nn::LayerNorm({.dim = 2, .eps = -1}); }, "LayerNorm: an eps of at least 0");
  check_refused([] { nn::LayerNorm({.dim = 2})(Tensor::ones({2, 3})); }, "layer_norm: ");
  check_refused([] { nn::RMSNorm({.dim = -3}); },
                "RMSNorm: a dim of at least 1 was required: got -3");
  check_refused([] { nn::RMSNorm({.dim = 2, .eps = NAN}); }, "RMSNorm: an eps of at least 0");
  check_refused([] { nn::RMSNorm({.dim = 2})(Tensor::ones({2, 3})); }, "rms_norm: ");
  check_refused([] { nn::Dropout({.p = 1}); },
                "Dropout: a probability in [0, 1) was required: got 1");
  check_refused([] { nn::Dropout({.p = NAN}); }, "got nan");
  check_refused([] { nn::Activation a(nullptr); }, "Activation: a function was required");
  check_refused(
      [] {
        nn::Dropout({.p = 0.5}).variational({Tensor::ones({3}), SequenceLayout({3})});
      },
      "Dropout: rows [N, D] were required for one mask over time: got [3]");
}
