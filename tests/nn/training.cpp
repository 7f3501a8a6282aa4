// Training as a whole: small tasks that a model which is wired wrongly does not learn.
#include "tests/support.h"

#include <unroll/nn/attention.h>
#include <unroll/nn/loss.h>
#include <unroll/nn/recurrent.h>
#include <unroll/optim/optimizer.h>

using namespace unroll;

namespace {

// Remember the first of `steps` tokens: everything after it is noise.
template <class Layer>
struct Memory {
  nn::Embedding embed{{.vocab = 4, .dim = 6}};
  Layer layer;
  nn::Linear head{{.in = 16, .out = 4}};
  explicit Memory(const typename Layer::Options& o) : layer(o) {}
  UNROLL_FIELDS(embed, layer, head)

  Var loss(Generator& g, Index batch, Index shortest, Index longest) const {
    std::vector<std::vector<Index>> texts;
    std::vector<Index> first;
    for (Index b = 0; b < batch; ++b) {
      const IndexTensor ids = g.integers({shortest + g.below(longest - shortest + 1)}, 0, 4);
      texts.emplace_back(ids.begin(), ids.end());
      first.push_back(ids[0]);
    }
    return nn::cross_entropy(head(layer(embed(nn::Tokens::from(texts))).last()), first);
  }

  // Trains on sequences of 1 to `steps` tokens; gives the loss on fresh ones of exactly `steps`.
  double train(Index updates, Index steps) {
    Generator g(5);
    optim::Adam adam(nn::parameters(*this), {.lr = 0.02});
    for (Index i = 0; i < updates; ++i) {
      Tape tape;
      Gradients gradients = tape.backward(loss(g, 16, 1, steps));
      optim::clip_norm(gradients, 1);
      adam.step(gradients);
    }
    return loss(g, 64, steps, steps).item();
  }
};

}  // namespace

TEST_CASE("an LSTM learns to remember the first of 20 tokens, the same each time") {
  const auto run = [](Index updates) {
    manual_seed(3);
    return Memory<nn::LSTM>({.in = 6, .hidden = 16, .forget_bias = 1}).train(updates, 20);
  };
  const double loss = run(400);
  MESSAGE("loss ", loss);
  CHECK(loss < 0.05);  // guessing has log 4 = 1.39
  CHECK(run(40) == run(40));
  CHECK(run(20) > 1);
}

TEST_CASE("a GRU learns to remember the first of 20 tokens") {
  manual_seed(4);
  const double loss = Memory<nn::GRU>({.in = 6, .hidden = 16}).train(400, 20);
  MESSAGE("loss ", loss);
  CHECK(loss < 0.05);
}

TEST_CASE(
    "a stacked LSTM with projection and layer norm learns to remember the first of 20 tokens") {
  manual_seed(5);
  const double loss = Memory<nn::LSTM>({.in = 6,
                                        .hidden = 20,
                                        .layers = 2,
                                        .forget_bias = 1,
                                        .peephole = true,
                                        .layer_norm = true,
                                        .projection = 16,
                                        .learned_state = true})
                          .train(150, 10);
  MESSAGE("loss ", loss);
  CHECK(loss < 0.05);
}

TEST_CASE("attention learns to find the marked element of a set") {
  manual_seed(6);
  struct Pointer {
    nn::AdditiveAttention attention{{.query = 2, .key = 2, .hidden = 8}};
  } model;
  Generator g(7);
  optim::Adam adam(nn::parameters(model.attention), {.lr = 0.02});
  double recent = 0;
  for (Index i = 0; i < 200; ++i) {
    // Rows (mark, value): the value of the row whose mark is 1 is wanted.
    const Tensor values = g.normal({8, 6}), marked = g.uniform({8}, 0, 6);
    std::vector<Tensor> parts;
    Tensor wanted = Tensor::zeros({8});
    for (Index b = 0; b < 8; ++b) {
      const auto at = static_cast<Index>(marked.at({b}));
      Tensor rows = Tensor::zeros({6, 2});
      rows.set({at, 0}, 1);
      for (Index t = 0; t < 6; ++t) rows.set({t, 1}, values.at({b, t}));
      wanted.set({b}, values.at({b, at}));
      parts.push_back(rows);
    }
    Tape tape;
    const auto out = model.attention(Tensor::ones({8, 2}), nn::Sequence::from(parts));
    const Var loss = nn::mse_loss(select(out.out, 1, 1), wanted);
    adam.step(tape.backward(loss));
    if (i >= 180) recent += loss.item() / 20;
  }
  MESSAGE("loss ", recent);
  CHECK(recent < 0.02);  // the mean of all has 5 / 6
}

TEST_CASE("every optimizer finds the minimum of an ill-conditioned quadratic") {
  const auto loss_after = [](const auto& make, int steps) {
    const Param w(Tensor::of({2, -3}, f64));
    const auto optimizer = make(NamedParams{{"w", w.handle()}});
    const Tensor centre = Tensor::of({0.5, 1}, f64), scale = Tensor::of({1, 10}, f64);
    double last = 0;
    for (int i = 0; i < steps; ++i) {
      Tape tape;
      const Var loss = sum(square(w - centre) * scale);
      optimizer->step(tape.backward(loss));
      last = loss.item();
    }
    return last;
  };
  using namespace optim;
  const auto sgd = [](NamedParams p) {
    return std::make_unique<SGD>(std::move(p), SGDOptions{.lr = 0.02, .momentum = 0.8});
  };
  const auto adam = [](NamedParams p) {
    return std::make_unique<Adam>(std::move(p), AdamOptions{.lr = 0.1});
  };
  const auto rmsprop = [](NamedParams p) {
    return std::make_unique<RMSprop>(std::move(p), RMSpropOptions{.lr = 0.02});
  };
  const auto adagrad = [](NamedParams p) {
    return std::make_unique<Adagrad>(std::move(p), AdagradOptions{.lr = 0.9});
  };
  CHECK(loss_after(sgd, 300) < 1e-10);
  CHECK(loss_after(adam, 600) < 1e-6);
  CHECK(loss_after(rmsprop, 1500) < 1e-2);
  CHECK(loss_after(adagrad, 600) < 1e-6);
}
