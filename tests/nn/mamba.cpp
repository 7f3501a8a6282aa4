// Mamba: relations that hold over random shapes, gradients, initial values and published names.
#include "states.h"

#include <unroll/autograd/fused.h>
#include <unroll/autograd/gradcheck.h>
#include <unroll/nn/mamba.h>
#include <unroll/nn/save.h>
#include <unroll/optim/optimizer.h>
#include <unroll/tensor/indexing.h>
#include <unroll/tensor/memory.h>

#include <cmath>

using namespace unroll;

namespace {

using Carried = std::vector<nn::Mamba::State>;

nn::Mamba random_mamba(Generator& g, DType dtype = f64, Index layers = 2) {
  return nn::Mamba({.dim = 1 + g.below(20),
                    .layers = layers,
                    .states = 1 + g.below(8),
                    .conv = 2 + g.below(7),
                    .expand = 1 + g.below(3),
                    .dt_rank = g.below(4),
                    .dtype = dtype});
}
struct Model {
  nn::Embedding embedding;
  nn::Mamba backbone;
  UNROLL_FIELDS(embedding, backbone)
};

Index dim_of(const nn::Mamba& m) { return m.norm_f.gain.shape()[0]; }

Var loss_of(const nn::Mamba::Result& out, std::uint64_t seed) {
  const Var& rows = out.sequence.rows;
  Var loss = sum(rows * random(rows.shape(), seed, rows.dtype()));
  for (const auto& s : out.state)
    for (const Var& part : nn::parts_of(s))
      loss = loss + sum(part * random(part.shape(), seed + 1, part.dtype()));
  return loss;
}

}  // namespace

TEST_CASE("Mamba's steps, its loop over steps and its scan give the same") {
  Generator g(1);
  for (const DType dtype : {f32, f64})
    for (int round = 0; round < 6; ++round) {
      const nn::Mamba mamba = random_mamba(g, dtype);
      const Index batch = 1 + g.below(3), steps = 1 + g.below(90);
      const nn::Sequence x(g.normal({batch * steps, dim_of(mamba)}, 0, 1, dtype),
                           SequenceLayout::equal(batch, steps));
      const auto whole = mamba(x), loop = mamba(x, {}, {.fused = false});
      const double tolerance = dtype == f32 ? 1e-4 : 1e-11;
      CHECK(distance(whole.sequence.rows.value(), loop.sequence.rows.value()) < tolerance);
      Carried state;
      Var y;
      for (Index t = 0; t < steps; ++t) {
        y = mamba.step(x.rows.value().narrow(0, t * batch, batch), state);
        CHECK(distance(y.value(), whole.sequence.rows.value().narrow(0, t * batch, batch)) <
              tolerance);
      }
      CHECK(distance(y.value(), whole.last().value()) < tolerance);
      for (std::size_t l = 0; l < state.size(); ++l) {
        CHECK(state_distance(state[l], whole.state[l]) < 10 * tolerance);
        CHECK(state_distance(loop.state[l], whole.state[l]) < 10 * tolerance);
      }
    }
}

TEST_CASE("a step of one stream in one pass gives what the ops it stands for give") {
  Generator g(12);
  for (const DType dtype : {f32, f64})
    for (int round = 0; round < 12; ++round) {
      const nn::Mamba mamba = random_mamba(g, dtype, 1);
      Carried state, state_of_ops;
      for (int t = 0; t < 4; ++t) {
        const Tensor x = g.normal({1, dim_of(mamba)}, 0, 1, dtype);
        const Carried before = state;
        const Tensor y = mamba.step(x, state).value();
        const Tensor expected = [&] {
          const UseReference plain_ops;
          return mamba.step(x, state_of_ops).value();
        }();
        const double tolerance = dtype == f32 ? 1e-4 : 1e-11;
        CHECK(distance(y, expected) < tolerance);
        CHECK(state_distance(state[0], state_of_ops[0]) < 10 * tolerance);
        // The state before is left as it was: the same step from it gives the same.
        Carried again = before;
        CHECK(distance(mamba.step(x, again).value(), y) == 0);
      }
    }
}

TEST_CASE("Mamba: gradients of scan, loop and checkpoints are equal") {
  Generator g(2);
  for (const bool reverse : {false, true}) {
    const nn::Mamba mamba = random_mamba(g);
    const nn::Sequence x = random_sequence(g, random_lengths(g, 4, 20), dim_of(mamba));
    const NamedParams params = nn::parameters(mamba);
    const auto gradients = [&](nn::UnrollOptions o) {
      o.reverse = reverse;
      return gradients_of([&] { return loss_of(mamba(x, {}, o), 3); }, params);
    };
    const auto a = gradients({}), b = gradients({.fused = false}),
               c = gradients({.checkpoint_every = 3});
    for (std::size_t i = 0; i < a.size(); ++i) {
      CAPTURE(params[i].name);
      const double size = 1 + max(abs(a[i])).item();
      CHECK(distance(a[i], b[i]) < 1e-10 * size);
      CHECK(distance(a[i], c[i]) < 1e-10 * size);
      CHECK(max(abs(a[i])).item() > 0);
    }
  }
}

TEST_CASE("Mamba's gradients agree with finite differences, to second order") {
  manual_seed(4);
  Generator g(3);
  const nn::Mamba mamba({.dim = 3, .layers = 1, .states = 2, .conv = 3, .dtype = f64});
  const nn::Sequence x = random_sequence(g, {2, 4, 1}, 3);
  const auto f = [&](const std::vector<Var>& in) {
    return loss_of(mamba(nn::Sequence(in[0], x.layout)), 5);
  };
  const auto first = gradcheck(f, {x.rows.value()});
  CHECK_MESSAGE(first, first.message);
  const auto second = gradgradcheck(f, {x.rows.value()});
  CHECK_MESSAGE(second, second.message);
  const auto weights =
      gradcheck_params([&] { return loss_of(mamba(x), 5); }, nn::parameters(mamba));
  CHECK_MESSAGE(weights, weights.message);
}

TEST_CASE("Mamba: ragged sequences give what each gives alone, and chunks what the whole gives") {
  Generator g(5);
  for (int round = 0; round < 4; ++round) {
    const nn::Mamba mamba = random_mamba(g);
    const nn::Sequence x = random_sequence(g, random_lengths(g, 5, 90), dim_of(mamba));
    const auto all = mamba(x);
    for (Index b = 0; b < x.size(); ++b) {
      const Tensor rows = x.at(b).value();
      const auto one = mamba(nn::Sequence::from({Var(rows)}));
      CHECK(distance(one.sequence.rows.value(), all.sequence.at(b).value()) < 1e-12);
      CHECK(distance(one.last().value(), all.last().value().narrow(0, b, 1)) < 1e-12);
      if (rows.size(0) < 2) continue;
      const Index cut = 1 + g.below(rows.size(0) - 1);
      const auto early = mamba(nn::Sequence::from({Var(rows.narrow(0, 0, cut))}));
      const auto late =
          mamba(nn::Sequence::from({Var(rows.narrow(0, cut, rows.size(0) - cut))}), early.carry());
      CHECK(distance(late.sequence.rows.value(),
                     one.sequence.rows.value().narrow(0, cut, rows.size(0) - cut)) < 1e-12);
    }
  }
}

TEST_CASE("Mamba in reverse gives what flipped sequences give") {
  Generator g(6);
  const nn::Mamba mamba = random_mamba(g);
  const nn::Sequence x = random_sequence(g, {7, 3, 11, 1}, dim_of(mamba));
  std::vector<Var> flipped;
  for (Index b = 0; b < x.size(); ++b) flipped.push_back(flip(x.at(b), 0));
  const auto a = mamba(x, {}, {.reverse = true}), b = mamba(nn::Sequence::from(flipped));
  for (Index i = 0; i < x.size(); ++i)
    CHECK(distance(a.sequence.at(i).value(), flip(b.sequence.at(i), 0).value()) < 1e-13);
  CHECK(distance(a.last().value(), b.last().value()) < 1e-13);
}

TEST_CASE("Mamba gives the same bits with one and with two threads") {
  manual_seed(7);
  Generator g(7);
  const nn::Mamba mamba({.dim = 48, .layers = 1});
  const nn::Sequence x(g.normal({3 * 700, 48}), SequenceLayout::equal(3, 700));
  const int before = threads();
  std::vector<std::vector<Tensor>> results;
  for (const int count : {1, 2}) {
    set_threads(count);
    results.push_back(gradients_of([&] { return loss_of(mamba(x), 8); }, nn::parameters(mamba)));
    results.back().push_back(mamba(x).sequence.rows.value());
  }
  set_threads(before);
  for (std::size_t i = 0; i < results[0].size(); ++i)
    CHECK(results[0][i].to_vector<float>() == results[1][i].to_vector<float>());
}

TEST_CASE("Mamba starts from the initial values of the authors' code") {
  manual_seed(8);
  const nn::Mamba mamba({.dim = 64, .layers = 4, .dtype = f64});
  const nn::MambaCell& block = mamba.blocks.layers[2];
  const auto at_most = [](const Param& p, double bound) {
    const double largest = max(abs(p.value())).item();
    CHECK(largest <= bound);
    CHECK(largest > 0.9 * bound);
  };
  CHECK(block.a_log.shape() == Shape{128, 16});
  for (Index s = 0; s < 16; ++s)
    CHECK(block.a_log.value().at({5, s}) == doctest::Approx(std::log(s + 1.0)));
  CHECK(min(block.d.value()).item() == 1);
  CHECK(max(block.d.value()).item() == 1);
  CHECK(block.dt_proj.weight.shape() == Shape{4, 128});  // 64 / 16
  at_most(block.dt_proj.weight, 1 / std::sqrt(4.0));
  at_most(block.conv_w, 1 / std::sqrt(4.0));
  at_most(block.in_proj.weight, 1 / std::sqrt(64.0));
  at_most(block.out_proj.weight, 1 / std::sqrt(128.0) / std::sqrt(4.0));
  const Tensor dt = softplus(block.dt_proj.bias).value();
  CHECK(min(dt).item() > 0.00099);
  CHECK(min(dt).item() < 0.0015);
  CHECK(max(dt).item() < 0.1001);
  CHECK(max(dt).item() > 0.07);
  CHECK(mean(log(dt)).item() == doctest::Approx(std::log(0.01)).epsilon(0.05));
}

TEST_CASE("Mamba's a_log and d can be left out of weight decay by a group") {
  nn::Mamba mamba({.dim = 4, .layers = 1});
  const Tensor a = mamba.blocks.layers[0].a_log.value().clone();
  const Tensor w = mamba.blocks.layers[0].in_proj.weight.value().clone();
  optim::AdamW adam(nn::parameters(mamba), {.lr = 0.1,
                                            .weight_decay = 0.5,
                                            .groups = {{.match = ".a_log", .weight_decay = 0},
                                                       {.match = ".d", .weight_decay = 0}}});
  Tape tape;
  const nn::Sequence x(Tensor::ones({3, 4}), SequenceLayout::equal(1, 3));
  adam.step(tape.backward(sum(mamba(x).sequence.rows) * 0.0));
  CHECK(distance(mamba.blocks.layers[0].a_log.value(), a) == 0);
  CHECK(min(mamba.blocks.layers[0].d.value()).item() == 1);
  CHECK(distance(mamba.blocks.layers[0].in_proj.weight.value(), w) > 1e-3);
}

TEST_CASE("a published checkpoint with an embedding loads under the names of a model") {
  Model model{nn::Embedding({.vocab = 7, .dim = 6}),
              nn::Mamba({.dim = 6, .layers = 1, .states = 3, .dt_rank = 2})};
  NamedTensors file{{"backbone.embedding.weight", random({7, 6}, 1, f32)},
                    {"lm_head.weight", random({7, 6}, 2, f32)},
                    {"backbone.norm_f.weight", random({6}, 3, f32)},
                    {"backbone.layers.0.norm.weight", random({6}, 4, f32)}};
  const auto add = [&](const char* name, const Shape& shape) {
    file[std::string("backbone.layers.0.mixer.") + name] = random(shape, 5, f32);
  };
  add("in_proj.weight", {24, 6}), add("conv1d.weight", {12, 1, 4}), add("conv1d.bias", {12});
  add("x_proj.weight", {8, 12}), add("dt_proj.weight", {12, 2}), add("dt_proj.bias", {12});
  add("A_log", {12, 3}), add("D", {12}), add("out_proj.weight", {6, 12});
  const auto loaded = nn::assign("file", nn::mamba_tensors(file), nn::state(model),
                                 {.strict = false, .layout = nn::WeightLayout::in_out});
  CHECK(loaded.missing.empty());
  CHECK(loaded.unused == std::vector<std::string>{"lm_head.weight"});
  const nn::MambaCell& block = model.backbone.blocks.layers[0];
  CHECK(block.conv_w.value().at({1, 5}) ==
        file["backbone.layers.0.mixer.conv1d.weight"].at({5, 0, 1}));
  CHECK(block.x_proj.weight.value().at({5, 1}) ==
        file["backbone.layers.0.mixer.x_proj.weight"].at({1, 5}));
  CHECK(distance(model.embedding.weight.value(), file["backbone.embedding.weight"]) == 0);
  file["backbone.layers.0.mixer.conv1d.weight"] = random({12, 4}, 6, f32);
  CHECK_THROWS_AS(nn::mamba_tensors(file), std::runtime_error);
  check_says(message_of([&] { (void)nn::mamba_tensors(file); }),
             "\"backbone.layers.0.mixer.conv1d.weight\" with 3 axes was required: got [12, 4]");
}

TEST_CASE("Mamba refuses options and inputs that do not fit, in a sentence") {
  check_refused([] { nn::Mamba({.dim = 0}); }, "Mamba: a dim, states and expand of at least 1");
  check_refused([] { nn::Mamba({.dim = 4, .conv = 9}); },
                "Mamba: a convolution of 2 to 8 taps was required: got 9");
  const nn::Mamba mamba({.dim = 4});
  check_refused(
      [&] {
        mamba(nn::Sequence(Tensor::zeros({6, 3}), SequenceLayout::equal(2, 3)));
      },
      "Mamba: rows [N, 4] were required: got [6, 3]");
  Carried state;
  check_refused(
      [&] {
        mamba.step(Tensor::zeros({2, 3}), state);
      },
      "Mamba: a step's input [B, 4] was required: got [2, 3]");
  mamba.step(Tensor::zeros({2, 4}), state);
  const Carried before = state;
  check_refused([&] { mamba.step(Tensor::zeros({3, 4}), state); }, "causal_conv1d: a state");
  CHECK(state_distance(state[0], before[0]) == 0);
}
