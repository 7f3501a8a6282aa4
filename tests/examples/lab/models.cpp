// The models of the experiments that are not in the library.
#include "examples/lab/common/signed_scan.h"
#include "examples/lab/common/time_invariant.h"

#include <doctest/doctest.h>

#include <unroll/unroll.h>

#include <cmath>

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

TEST_CASE("a time-invariant model has the size that was asked for") {
  for (const Index parameters : {4000, 10000, 20000}) {
    const lab::TimeInvariant model =
        lab::TimeInvariant::of_size({.ids = kIds, .outputs = 3}, parameters, 1);
    CHECK(static_cast<double>(model.parameter_count()) ==
          doctest::Approx(static_cast<double>(parameters)).epsilon(0.1));
  }
}

TEST_CASE("a signed scan is the recurrence of its equation, and its factors can be negative") {
  unroll::manual_seed(3);
  const Index hidden = 4, steps = 9;
  const lab::SignedScan model({.ids = kIds, .outputs = 3, .hidden = hidden, .layers = 1});
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
