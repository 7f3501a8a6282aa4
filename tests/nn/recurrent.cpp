// RNN, LSTM and GRU: relations that hold over random shapes, and gradients.
#include "random_sequences.h"

#include <unroll/autograd/gradcheck.h>
#include <unroll/nn/scan.h>

using namespace unroll;

namespace {

template <class Layer>
struct Kind {
  using type = Layer;
};

// A loss in which each output counts differently.
template <class Result>
Var weighted(const Result& out, std::uint64_t seed) {
  Generator g(seed);
  const Var& rows = out.sequence.rows;
  Var loss = sum(rows * g.normal(rows.shape(), 0, 1, rows.dtype()));
  for (const auto& s : out.state)
    for (const Var& part : nn::parts_of(s))
      loss = loss + sum(part * g.normal(part.shape(), 0, 1, part.dtype()));
  return loss;
}

template <class State>
std::vector<State> random_state(Generator& g, const std::vector<State>& like) {
  std::vector<State> out = like;
  for (State& s : out)
    nn::each_part(s, [&](Var& part) { part = g.normal(part.shape(), 0, 0.5, part.dtype()); });
  return out;
}

template <class Layer>
std::vector<typename Layer::State> states_for(const Layer& layer, Generator& g, Index batch) {
  std::vector<typename Layer::State> out;
  for (std::size_t l = 0; l < layer.layers.size(); ++l) {
    out.push_back(layer.layers[l].initial(batch));
    if (!layer.reverse.empty()) out.push_back(layer.reverse[l].initial(batch));
  }
  return random_state(g, out);
}

}  // namespace

#define ALL_LAYERS nn::RNN, nn::LSTM, nn::GRU, nn::MinGRU, nn::MinLSTM, nn::RGLRU

TEST_CASE_TEMPLATE("the fused loop equals the loop in plain ops, values and gradients", Layer,
                   ALL_LAYERS) {
  Generator g(7);
  for (DType dtype : {f32, f64})
    for (bool bidirectional : {false, true})
      for (bool equal : {true, false})
        // With 256 the rows of the gates' gradient would crowd the cache, and stand apart instead.
        for (Index hidden : {1, 5, 16, 37, 256}) {
          manual_seed(3);
          const Layer layer({.in = 3,
                             .hidden = hidden,
                             .layers = 2,
                             .bidirectional = bidirectional,
                             .dtype = dtype});
          const Index batch = 1 + g.below(14);
          const auto lengths = equal ? std::vector<Index>(batch, 6) : random_lengths(g, batch, 9);
          const nn::Sequence x = random_sequence(g, lengths, 3, dtype);
          const auto start = states_for(layer, g, batch);
          const auto run = [&](bool fused) { return layer(x, start, {.fused = fused}); };
          const double tolerance = dtype == f32 ? 2e-5 : 1e-12;
          const auto a = run(true), b = run(false);
          CHECK(distance(a.sequence.rows.value(), b.sequence.rows.value()) < tolerance);
          CHECK(distance(a.last().value(), b.last().value()) < tolerance);
          const NamedParams params = nn::parameters(layer);
          const auto ga = gradients_of([&] { return weighted(run(true), 5); }, params);
          const auto gb = gradients_of([&] { return weighted(run(false), 5); }, params);
          for (std::size_t i = 0; i < ga.size(); ++i) {
            CAPTURE(params[i].name);
            CHECK(distance(ga[i], gb[i]) < tolerance * (1 + max(abs(gb[i])).item()));
            CHECK(max(abs(gb[i])).item() > 0);
          }
        }
}

TEST_CASE_TEMPLATE("a layer's gradients agree with finite differences, to second order", Layer,
                   ALL_LAYERS) {
  manual_seed(1);
  Generator g(2);
  const Layer layer({.in = 2, .hidden = 3, .bidirectional = true, .dtype = f64});
  const std::vector<Index> lengths{2, 3, 1};
  const nn::Sequence x = random_sequence(g, lengths, 2);
  const auto f = [&](const std::vector<Var>& in) {
    return weighted(layer(nn::Sequence(in[0], x.layout)), 9);
  };
  const auto first = gradcheck(f, {x.rows.value()});
  CHECK_MESSAGE(first, first.message);
  const auto second = gradgradcheck(f, {x.rows.value()});
  CHECK_MESSAGE(second, second.message);
  const auto weights =
      gradcheck_params([&] { return weighted(layer(x), 9); }, nn::parameters(layer));
  CHECK_MESSAGE(weights, weights.message);
}

TEST_CASE_TEMPLATE("no state equals a zero state", Layer, ALL_LAYERS) {
  Generator g(1);
  const Layer layer({.in = 3, .hidden = 4, .dtype = f64});
  const nn::Sequence x = random_sequence(g, random_lengths(g, 5, 6), 3);
  CHECK(distance(layer(x).sequence.rows.value(),
                 layer(x, {layer.layers[0].initial(5)}).sequence.rows.value()) == 0);
}

TEST_CASE_TEMPLATE("a batch of n equals n batches of one", Layer, ALL_LAYERS) {
  Generator g(3);
  const Layer layer({.in = 3, .hidden = 20, .layers = 2, .bidirectional = true, .dtype = f64});
  const nn::Sequence x = random_sequence(g, random_lengths(g, 6, 8), 3);
  const auto all = layer(x);
  for (Index b = 0; b < x.size(); ++b) {
    const Tensor rows = x.at(b).value();
    const auto one = layer(nn::Sequence(rows, SequenceLayout::equal(1, rows.shape()[0])));
    CHECK(distance(one.sequence.rows.value(), all.sequence.at(b).value()) < 1e-14);
    CHECK(distance(one.last().value(), all.last().value().narrow(0, b, 1)) < 1e-14);
  }
}

TEST_CASE_TEMPLATE("a permuted batch gives permuted results", Layer, ALL_LAYERS) {
  Generator g(4);
  const Layer layer({.in = 2, .hidden = 5, .bidirectional = true, .dtype = f64});
  const nn::Sequence x = random_sequence(g, random_lengths(g, 7, 9), 2);
  const std::vector<Index> order = g.permutation(7);
  std::vector<Tensor> parts;
  for (Index b : order) parts.push_back(x.at(b).value());
  const Tensor permuted = layer(nn::Sequence::from(parts)).last().value();
  CHECK(distance(permuted, index_select(layer(x).last(), 0, IndexTensor(order)).value()) < 1e-14);
}

TEST_CASE_TEMPLATE("a sequence in chunks with the state carried equals the whole", Layer,
                   ALL_LAYERS) {
  Generator g(5);
  const Layer layer({.in = 3, .hidden = 6, .layers = 2, .dtype = f64});
  const Index batch = 4, steps = 10;
  const Tensor rows = g.normal({steps * batch, 3}, 0, 1, f64);
  const auto whole = layer(nn::Sequence(rows, SequenceLayout::equal(batch, steps)));
  std::vector<typename Layer::State> state;
  for (Index at : {0, 3, 7}) {
    const Index n = at == 0 ? 3 : at == 3 ? 4 : 3;
    const auto out =
        layer(nn::Sequence(rows.narrow(0, at * batch, n * batch), SequenceLayout::equal(batch, n)),
              state);
    CHECK(distance(out.sequence.rows.value(),
                   whole.sequence.rows.value().narrow(0, at * batch, n * batch)) < 1e-14);
    state = out.carry();
  }
}

TEST_CASE_TEMPLATE("steps by hand equal the sequence", Layer, ALL_LAYERS) {
  Generator g(6);
  const Layer layer({.in = 3, .hidden = 8, .layers = 2, .dtype = f64});
  const Tensor rows = g.normal({5 * 2, 3}, 0, 1, f64);
  const auto whole = layer(nn::Sequence(rows, SequenceLayout::equal(2, 5)));
  std::vector<typename Layer::State> state;
  for (Index t = 0; t < 5; ++t) {
    const Var h = layer.step(rows.narrow(0, 2 * t, 2), state);
    CHECK(distance(h.value(), whole.sequence.rows.value().narrow(0, 2 * t, 2)) < 1e-14);
  }
}

TEST_CASE_TEMPLATE("checkpointing changes memory, not gradients", Layer, ALL_LAYERS) {
  Generator g(8);
  const Layer layer({.in = 3, .hidden = 5, .bidirectional = true, .dtype = f64});
  const nn::Sequence x = random_sequence(g, random_lengths(g, 6, 11), 3);
  const NamedParams params = nn::parameters(layer);
  const auto plain = gradients_of([&] { return weighted(layer(x), 5); }, params);
  const auto saved =
      gradients_of([&] { return weighted(layer(x, {}, {.checkpoint_every = 3}), 5); }, params);
  for (std::size_t i = 0; i < plain.size(); ++i) CHECK(distance(plain[i], saved[i]) < 1e-12);
}

TEST_CASE_TEMPLATE("results do not depend on the number of threads", Layer, ALL_LAYERS) {
  Generator g(9);
  // Of a size for two threads at least, whatever the kind.
  const Layer layer({.in = 40, .hidden = 256});
  const nn::Sequence x = random_sequence(g, random_lengths(g, 30, 60), 40, f32);
  const NamedParams params = nn::parameters(layer);
  const int before = threads();
  std::vector<std::vector<Tensor>> results;
  for (int count : {1, 2, 3}) {
    set_threads(count);
    results.push_back(gradients_of([&] { return weighted(layer(x), 5); }, params));
  }
  set_threads(before);
  for (std::size_t i = 0; i < params.size(); ++i)
    for (std::size_t k : {1, 2}) CHECK(distance(results[0][i], results[k][i]) == 0);
}

TEST_CASE("every option of the cells has gradients that agree with finite differences") {
  manual_seed(5);
  Generator g(3);
  const nn::Sequence x = random_sequence(g, {3, 1, 2}, 2);
  const auto holds = [&](const auto& layer) {
    const auto result =
        gradcheck_params([&] { return weighted(layer(x), 4); }, nn::parameters(layer));
    CHECK_MESSAGE(result, result.message);
  };
  holds(nn::LSTM({.in = 2, .hidden = 3, .peephole = true, .dtype = f64}));
  holds(nn::LSTM({.in = 2, .hidden = 3, .layer_norm = true, .dtype = f64}));
  holds(nn::LSTM(
      {.in = 2, .hidden = 3, .layers = 2, .projection = 2, .learned_state = true, .dtype = f64}));
  holds(nn::LSTM({.in = 2, .hidden = 3, .forget_bias = 1, .learned_state = true, .dtype = f64}));
  holds(nn::GRU({.in = 2, .hidden = 3, .reset_after = false, .dtype = f64}));
  holds(nn::GRU({.in = 2, .hidden = 3, .bias = false, .learned_state = true, .dtype = f64}));
  holds(nn::RNN({.in = 2, .hidden = 3, .relu = true, .dtype = f64}));
}

TEST_CASE("a user-defined cell runs through unroll as the built-in ones do") {
  struct MyCell {
    struct State {
      Var h;
    };
    Param u, w, b;
    Var project(const Var& x) const { return matmul(x, u) + b; }
    State step(const Var& ux, const State& s) const { return {tanh(ux + matmul(s.h, w))}; }
  };
  Generator g(1);
  const nn::RNNCell cell({.in = 3, .hidden = 4, .dtype = f64});
  const MyCell mine{cell.wx, cell.wh, cell.b};
  const nn::Sequence x = random_sequence(g, {4, 2, 6}, 3);
  const auto a = nn::unroll(mine, x, {Tensor::zeros({3, 4}, f64)});
  const auto b = nn::unroll(cell, x, cell.initial(3));
  CHECK(distance(a.sequence.rows.value(), b.sequence.rows.value()) < 1e-14);
  CHECK(distance(a.last.h.value(), b.last.h.value()) < 1e-14);
}

TEST_CASE_TEMPLATE("dropout stands between layers, while a tape lives, and nowhere else", Layer,
                   ALL_LAYERS) {
  manual_seed(2);
  Generator g(3);
  const nn::Sequence x = random_sequence(g, random_lengths(g, 4, 6), 3);
  for (bool variational : {false, true})
    for (Index layers : {1, 2, 3}) {
      const Layer layer({.in = 3,
                         .hidden = 8,
                         .layers = layers,
                         .dropout = variational ? 0 : 0.5,
                         .variational_dropout = variational ? 0.5 : 0,
                         .dtype = f64});
      const auto off = layer(x);
      Tape tape;
      const auto on = layer(x), again = layer(x);
      // The first layer sees no dropout, so one layer alone has none.
      CHECK(distance(on.state[0].h.value(), off.state[0].h.value()) < 1e-14);
      CHECK((distance(on.sequence.rows.value(), off.sequence.rows.value()) > 1e-3) == (layers > 1));
      CHECK((distance(on.sequence.rows.value(), again.sequence.rows.value()) > 1e-3) ==
            (layers > 1));
    }
}

TEST_CASE("invalid inputs are refused with a sentence") {
  const nn::LSTM lstm({.in = 3, .hidden = 4});
  CHECK_THROWS_WITH_AS(nn::LSTM({.in = 0, .hidden = 4}),
                       "LSTM: in and hidden of at least 1 were required: got 0 and 4",
                       std::invalid_argument);
  const nn::Sequence x(Tensor::zeros({4, 2}), SequenceLayout::equal(2, 2));
  CHECK_THROWS_WITH_AS(lstm(x), "LSTM: inputs [.., 3] were required: got [4, 2]",
                       std::invalid_argument);
  const nn::Sequence y(Tensor::zeros({4, 3}), SequenceLayout::equal(2, 2));
  CHECK_THROWS_AS(lstm(y, {lstm.layers[0].initial(3)}), std::invalid_argument);
  CHECK_THROWS_AS(lstm(y, {lstm.layers[0].initial(2), lstm.layers[0].initial(2)}),
                  std::invalid_argument);
  CHECK_THROWS_AS(SequenceLayout({3, 0}), std::invalid_argument);
}

TEST_CASE_TEMPLATE("what is no result and what is no layer any more are refused", Layer,
                   ALL_LAYERS) {
  check_refused([] { (void)typename Layer::Result().last(); },
                "recurrent: the result of a layer was required: got one with 0 states");
  Layer layer({.in = 3, .hidden = 4});
  const Layer taken = std::move(layer);
  const nn::Sequence x(Tensor::zeros({4, 3}), SequenceLayout::equal(2, 2));
  std::vector<typename Layer::State> state;
  check_refused([&] { layer(x); },
                "recurrent: at least one layer was required: got one moved from");
  check_refused([&] { layer.step(Tensor::zeros({2, 3}), state); }, "got one moved from");
  CHECK(taken(x).sequence.rows.shape() == Shape{4, 4});
}

TEST_CASE_TEMPLATE("a step that is refused leaves the caller's state as it was", Layer,
                   ALL_LAYERS) {
  const Layer layer({.in = 3, .hidden = 4, .layers = 2});
  std::vector<typename Layer::State> state;
  for (const Tensor& wrong : {Tensor::zeros({2, 5}), Tensor::zeros({3}), Tensor::zeros({})}) {
    CHECK_THROWS_AS(layer.step(wrong, state), std::invalid_argument);
    CHECK(state.empty());
  }
  layer.step(random({2, 3}, 1, f32), state);
  // The second layer is the one that refuses.
  const Tensor h = state[0].h.value();
  state[1].h = Tensor::zeros({2, 5});
  CHECK_THROWS_AS(layer.step(random({2, 3}, 2, f32), state), std::invalid_argument);
  REQUIRE(state.size() == 2);
  CHECK(distance(state[0].h.value(), h) == 0);
}

TEST_CASE("a negative checkpoint_every is refused") {
  const nn::GRU layer({.in = 3, .hidden = 4});
  const nn::Sequence x(Tensor::zeros({4, 3}), SequenceLayout::equal(2, 2));
  check_refused([&] { layer(x, {}, {.checkpoint_every = -3}); },
                "run: a checkpoint every so many steps, or 0 for none, was required: got -3");
}

TEST_CASE("a saturated forget gate keeps the state exactly for 100,000 steps") {
  const Index hidden = 5, steps = 100'000;
  Generator g(21);
  const auto constant = [](Param& p, double value) {
    p.set_value(Tensor::full(p.shape(), value, p.value().dtype()));
  };
  for (const DType dtype : {f32, f64}) {
    const Tensor start = g.uniform({1, hidden}, -2, 2, dtype);
    const nn::Sequence x(Tensor::ones({steps, 1}, dtype), SequenceLayout({steps}));
    nn::LSTM lstm({.in = 1, .hidden = hidden, .dtype = dtype});
    nn::GRU gru({.in = 1, .hidden = hidden, .dtype = dtype});
    constant(lstm.layers[0].wx, 0), constant(lstm.layers[0].wh, 0.01);
    Tensor bias = Tensor::full({4 * hidden}, 1e3, dtype);  // f, o open
    bias.narrow(0, 0, hidden).fill_(-1e3);                 // i closed
    lstm.layers[0].b.set_value(bias);
    const auto last = lstm(x, {{Tensor::zeros({1, hidden}, dtype), start}}).state[0];
    CHECK(distance(last.c.value(), start) == 0);
    CHECK(distance(last.h.value(), tanh(start)) == 0);
    // The GRU's candidate n differs from step to step.
    nn::GRU& keeps = gru;
    Tensor b = keeps.layers[0].b.value().clone();
    b.narrow(0, hidden, hidden).fill_(1e3);  // z
    keeps.layers[0].b.set_value(b);
    Tensor varied = g.normal({steps, 1}, 0, 1, dtype);
    const auto kept = keeps(nn::Sequence(varied, x.layout), {{start}}).state[0];
    CHECK(distance(kept.h.value(), start) == 0);
    // Step by step, and in plain ops.
    std::vector<nn::LSTMCell::State> stream{{Tensor::zeros({1, hidden}, dtype), start}};
    std::vector<nn::GRUCell::State> gru_stream{{start}};
    for (Index t = 0; t < 500; ++t) {
      lstm.step(x.rows.value().narrow(0, t, 1), stream);
      keeps.step(varied.narrow(0, t, 1), gru_stream);
    }
    CHECK(distance(stream[0].c.value(), start) == 0);
    CHECK(distance(gru_stream[0].h.value(), start) == 0);
    const nn::Sequence few(varied.narrow(0, 0, 300), SequenceLayout({300}));
    const auto plain = lstm(few, {{Tensor::zeros({1, hidden}, dtype), start}}, {.fused = false});
    CHECK(distance(plain.state[0].c.value(), start) == 0);
    CHECK(distance(keeps(few, {{start}}, {.fused = false}).state[0].h.value(), start) == 0);
  }
}
