// The models of the experiments that are not in the library.
#include "examples/lab/common/any_model.h"
#include "examples/lab/common/lru.h"
#include "examples/lab/common/signed_scan.h"
#include "examples/lab/common/time_invariant.h"

#include <doctest/doctest.h>

#include <unroll/unroll.h>

#include <cmath>
#include <complex>

using unroll::Index;
using unroll::Tensor;
namespace nn = unroll::nn;

namespace {
constexpr Index kIds = 5;

nn::Tokens text(Index steps, unroll::Generator& random) {
  std::vector<Index> ids;
  for (Index t = 0; t < steps; ++t) ids.push_back(random.below(kIds));
  return nn::Tokens::from({ids});
}

double difference(const Tensor& a, const Tensor& b) { return max(abs(a - b)).item(); }
}  // namespace

TEST_CASE(
    "a time-invariant model's step size, b and c do not depend on its input, and are trained") {
  unroll::manual_seed(1);
  lab::TimeInvariant model({.ids = kIds, .outputs = 3, .dim = 8});
  for (nn::MambaCell& block : model.mamba.blocks.layers) {
    CHECK_FALSE(block.x_proj.weight.trainable());
    CHECK(max(abs(block.x_proj.weight.value())).item() == 0);
    CHECK(block.x_proj.bias.trainable());
  }
  const nn::MambaCell& block = model.mamba.blocks.layers[0];
  const Index channels = block.d.shape()[0], states = block.a_log.shape()[1];
  unroll::Generator random(2);
  const Tensor u = random.normal({6, channels}), v = random.normal({6, channels});
  const auto projected = [&](const Tensor& of) { return block.x_proj(of).value(); };
  CHECK(difference(projected(u), projected(v)) == 0);
  CHECK(projected(u).shape() == unroll::Shape{6, 1 + 2 * states});

  unroll::Tape tape;
  const unroll::Gradients g = tape.backward(sum(model(text(7, random))));
  CHECK(max(abs(g[block.x_proj.bias])).item() > 0);
  CHECK_FALSE(g.has(block.x_proj.weight));
}

TEST_CASE("models by name have the size that was asked for, and equal seeds give equal ones") {
  unroll::Generator random(8);
  lab::Batch batch;
  batch.ids = text(6, random);
  batch.scored = batch.ids.layout.last_rows();
  for (const char* kind : {"lru", "mamba-constant", "signed-scan", "gru"})
    for (const Index parameters : {4000, 10000}) {
      CAPTURE(kind);
      const auto model = [&](std::uint64_t seed) {
        return lab::any_model(
            {.kind = kind, .ids = kIds, .outputs = 3, .parameters = parameters, .seed = seed});
      };
      const lab::AnyModel one = model(1);
      CHECK(static_cast<double>(one.size) ==
            doctest::Approx(static_cast<double>(parameters)).epsilon(0.1));
      const Tensor out = one.outputs(batch).value();
      CHECK(out.shape() == unroll::Shape{1, 3});
      CHECK(difference(out, model(1).outputs(batch).value()) == 0);
      CHECK(difference(out, model(2).outputs(batch).value()) > 0);
    }
}

TEST_CASE("the states of an LRU are those of its complex recurrence, in sequences of any length") {
  unroll::manual_seed(5);
  const Index dim = 3;
  const lab::LruBlock block(dim);
  unroll::Generator random(6);
  const Tensor first = random.normal({7, dim}), second = random.normal({4, dim});
  const nn::Sequence x = nn::Sequence::from({first, second});
  const nn::Sequence found(block.states(x.rows, x.layout), x.layout);
  for (Index which : {0, 1}) {
    const Tensor rows = which == 0 ? first : second, states = found.at(which).value(),
                 projected = block.b(rows).value();  // [L, 2 H]
    for (Index i = 0; i < dim; ++i) {
      const std::complex<double> lambda = std::exp(
          std::complex<double>(-std::exp(block.nu.value().at({i})), block.theta.value().at({i})));
      const double gamma = std::exp(block.log_gamma.value().at({i}));
      CHECK(std::norm(lambda) + gamma * gamma == doctest::Approx(1));
      std::complex<double> h = 0;
      for (Index t = 0; t < rows.shape()[0]; ++t) {
        h = lambda * h +
            gamma * std::complex<double>(projected.at({t, i}), projected.at({t, dim + i}));
        CHECK(states.at({t, i}) == doctest::Approx(h.real()).epsilon(1e-4));
        CHECK(states.at({t, dim + i}) == doctest::Approx(h.imag()).epsilon(1e-4));
      }
    }
  }
}

TEST_CASE("a signed scan is the recurrence of its equation, and its factors can be negative") {
  unroll::manual_seed(3);
  const Index hidden = 4, steps = 9;
  const lab::SignedScan model({.ids = kIds, .outputs = 3, .dim = hidden, .layers = 1});
  unroll::Generator random(4);
  const nn::Tokens x = text(steps, random);
  const Tensor uv = model.layers[0](nn::Sequence(model.embed(x)).rows).value(),
               out = model(x).value();
  std::vector<double> h(static_cast<std::size_t>(hidden), 0);
  bool negative = false;
  for (Index t = 0; t < steps; ++t) {
    Tensor row = Tensor::zeros({1, hidden});
    for (Index i = 0; i < hidden; ++i) {
      const double a = std::tanh(uv.at({t, i})), v = uv.at({t, hidden + i});
      double& state = h[static_cast<std::size_t>(i)];
      state = a * state + (1 - std::abs(a)) * v;
      negative = negative || a < 0;
      row.set({0, i}, state);
    }
    CHECK(difference(model.head(row).value(), out.narrow(0, t, 1)) < 1e-5);
  }
  CHECK(negative);
}
