// Cells by hand, with each of their options, and nn::unroll with cells of one's own.
#include "states.h"

#include <unroll/autograd/gradcheck.h>

using namespace unroll;

namespace {

// Calls f(name, cell) for each kind of cell with each of its options.
template <class F>
void each_cell(F f) {
  using RNN = nn::RNNCellOptions;
  using LSTM = nn::LSTMCellOptions;
  using GRU = nn::GRUCellOptions;
  const auto rnn = [&](const char* name, RNN o) { f(name, nn::RNNCell(o)); };
  const auto lstm = [&](const char* name, LSTM o) { f(name, nn::LSTMCell(o)); };
  const auto gru = [&](const char* name, GRU o) { f(name, nn::GRUCell(o)); };
  rnn("RNN", {.in = 2, .hidden = 3, .dtype = f64});
  rnn("RNN relu", {.in = 2, .hidden = 3, .relu = true, .dtype = f64});
  rnn("RNN without bias", {.in = 2, .hidden = 3, .bias = false, .dtype = f64});
  rnn("RNN learned", {.in = 2, .hidden = 3, .learned_state = true, .dtype = f64});
  lstm("LSTM", {.in = 2, .hidden = 3, .dtype = f64});
  lstm("LSTM without bias", {.in = 2, .hidden = 3, .bias = false, .dtype = f64});
  lstm("LSTM forget bias", {.in = 2, .hidden = 3, .forget_bias = 1, .dtype = f64});
  lstm("LSTM peephole", {.in = 2, .hidden = 3, .peephole = true, .dtype = f64});
  lstm("LSTM layer norm", {.in = 2, .hidden = 3, .layer_norm = true, .dtype = f64});
  lstm("LSTM layer norm without bias",
       {.in = 2, .hidden = 3, .bias = false, .layer_norm = true, .dtype = f64});
  lstm("LSTM projection", {.in = 2, .hidden = 3, .projection = 2, .dtype = f64});
  lstm("LSTM everything", {.in = 2,
                           .hidden = 3,
                           .forget_bias = 0.5,
                           .peephole = true,
                           .layer_norm = true,
                           .projection = 2,
                           .learned_state = true,
                           .dtype = f64});
  gru("GRU", {.in = 2, .hidden = 3, .dtype = f64});
  gru("GRU without bias", {.in = 2, .hidden = 3, .bias = false, .dtype = f64});
  gru("GRU reset before", {.in = 2, .hidden = 3, .reset_after = false, .dtype = f64});
  gru("GRU reset before without bias",
      {.in = 2, .hidden = 3, .bias = false, .reset_after = false, .dtype = f64});
  gru("GRU learned", {.in = 2, .hidden = 3, .learned_state = true, .dtype = f64});
}

// Parameters other than those at which a derivative vanishes.
template <class Cell>
void shake(const Cell& cell, std::uint64_t seed) {
  Generator g(seed);
  for (const NamedParam& p : nn::parameters(cell))
    p.param->set_value(g.normal(p.param->value().shape(), 0, 0.7, f64));
}

}  // namespace

TEST_CASE("a cell called with x equals step of project, with and without a tape") {
  manual_seed(1);
  each_cell([](const char* name, const auto& cell) {
    CAPTURE(name);
    shake(cell, 3);
    for (Index batch : {1, 2, 7}) {
      const Var x = random({batch, 2}, 4);
      const auto state = random_state(cell.initial(batch), 5);
      const auto stepped = cell.step(cell.project(x), state);
      CHECK(state_distance(cell(x, state), stepped) < 1e-14);
      Tape tape;
      CHECK(state_distance(cell(x, state), stepped) < 1e-14);
      {
        const NoGrad off;
        CHECK(state_distance(cell(x, state), stepped) < 1e-14);
      }
      CHECK(nn::parts_of(stepped).front().shape() == Shape{batch, cell.output_size()});
    }
  });
}

TEST_CASE("single steps equal nn::run over ragged batches, forward and reverse") {
  manual_seed(2);
  Generator g(3);
  each_cell([&](const char* name, const auto& cell) {
    CAPTURE(name);
    shake(cell, 4);
    const auto lengths = random_lengths(g, 5, 6);
    const nn::Sequence x = random_sequence(g, lengths, 2);
    const auto start = random_state(cell.initial(5), 6);
    for (bool reverse : {false, true})
      for (bool fused : {false, true})
        for (Index checkpoint : {0, 1, 2, 100}) {
          const auto out = nn::unroll(
              cell, x, start, {.reverse = reverse, .fused = fused, .checkpoint_every = checkpoint});
          for (Index b = 0; b < 5; ++b) {
            auto s = state_of(start, b);
            const Var rows = x.at(b);
            for (Index i = 0; i < lengths[b]; ++i) {
              const Index t = reverse ? lengths[b] - 1 - i : i;
              s = cell.step(cell.project(narrow(rows, 0, t, 1)), s);
              CHECK(distance(nn::parts_of(s).front().value().select(0, 0),
                             out.sequence.at(b).value().select(0, t)) < 1e-13);
            }
            CHECK(state_distance(s, state_of(out.last, b)) < 1e-13);
          }
        }
  });
}

TEST_CASE(
    "every cell, with each option, has the derivatives of finite differences, to second order") {
  manual_seed(3);
  each_cell([](const char* name, const auto& cell) {
    CAPTURE(name);
    shake(cell, 5);
    const auto like = cell.initial(2);
    const auto f = [&](const std::vector<Var>& in) {
      const auto state = nn::with_parts(like, States(in.begin() + 1, in.end()));
      const auto next = cell.step(cell.project(in[0]), state);
      return weighted(cell.step(cell.project(in[0] * in[0]), next), 8);
    };
    std::vector<Tensor> at{random({2, 2}, 6)};
    for (const Var& part : nn::parts_of(random_state(like, 7))) at.push_back(part.value());
    const auto first = gradcheck(f, at, {.name = name});
    const auto second = gradgradcheck(f, at, {.name = name});
    CHECK_MESSAGE(first, first.message);
    CHECK_MESSAGE(second, second.message);
    const nn::Sequence x(random({6, 2}, 9), SequenceLayout({3, 1, 2}));
    const auto loss = [&] {
      const auto out = nn::unroll(cell, x, cell.initial(3));
      return sum(square(out.sequence.rows)) + weighted(out.last, 10);
    };
    const auto params = gradcheck_params(loss, nn::parameters(cell), {.name = name});
    CHECK_MESSAGE(params, params.message);
  });
}

TEST_CASE("a learned state is the initial state and gets a gradient") {
  manual_seed(4);
  nn::LSTM lstm({.in = 2,
                 .hidden = 3,
                 .layers = 2,
                 .bidirectional = true,
                 .learned_state = true,
                 .dtype = f64});
  Generator g(5);
  const nn::Sequence x = random_sequence(g, {3, 1, 2}, 2);
  for (auto* cells : {&lstm.layers, &lstm.reverse})
    for (nn::LSTMCell& cell : *cells) {
      CHECK(max(abs(cell.h0.value())).item() == 0);  // training starts from zeros
      cell.h0.set_value(random({3}, 6));
      cell.c0.set_value(random({3}, 7));
    }
  std::vector<nn::LSTMCell::State> given;
  for (std::size_t l : {0, 1})
    for (auto* cells : {&lstm.layers, &lstm.reverse}) {
      const nn::LSTMCell& cell = (*cells)[l];
      given.push_back({expand(cell.h0, {3, 3}), expand(cell.c0, {3, 3})});
    }
  CHECK(distance(lstm(x).sequence.rows.value(), lstm(x, given).sequence.rows.value()) == 0);
  Tape tape;
  const Gradients d = tape.backward(sum(square(lstm(x).sequence.rows)));
  for (auto* cells : {&lstm.layers, &lstm.reverse})
    for (const nn::LSTMCell& cell : *cells) {
      CHECK(max(abs(d[cell.h0])).item() > 0);
      CHECK(max(abs(d[cell.c0])).item() > 0);
    }
}

TEST_CASE("a forget bias is added to the forget gate alone") {
  manual_seed(6);
  const nn::LSTMCell plain({.in = 2, .hidden = 3, .dtype = f64});
  manual_seed(6);
  const nn::LSTMCell biased({.in = 2, .hidden = 3, .forget_bias = 1.5, .dtype = f64});
  const Tensor difference = sub(biased.b.value(), plain.b.value());
  CHECK(distance(difference.narrow(0, 3, 3), Tensor::full({3}, 1.5, f64)) < 1e-15);
  CHECK(max(abs(difference.narrow(0, 0, 3))).item() == 0);
  CHECK(max(abs(difference.narrow(0, 6, 6))).item() == 0);
}

TEST_CASE_TEMPLATE("the backward direction is the layer on the reversed sequence", Layer, nn::RNN,
                   nn::LSTM, nn::GRU) {
  manual_seed(7);
  Generator g(8);
  const Layer both({.in = 2, .hidden = 3, .bidirectional = true, .dtype = f64});
  Layer one({.in = 2, .hidden = 3, .dtype = f64});
  one.layers[0] = both.reverse[0];
  const auto lengths = random_lengths(g, 6, 7);
  const nn::Sequence x = random_sequence(g, lengths, 2);
  std::vector<Tensor> reversed;
  for (Index b = 0; b < 6; ++b) reversed.push_back(flip(x.at(b), 0).value());
  const auto backwards = one(nn::Sequence::from(reversed));
  const auto out = both(x);
  for (Index b = 0; b < 6; ++b)
    CHECK(distance(narrow(out.sequence.at(b), 1, 3, 3).value(),
                   flip(backwards.sequence.at(b), 0).value()) < 1e-14);
  CHECK(distance(narrow(out.last(), 1, 3, 3).value(), backwards.last().value()) < 1e-14);
}

TEST_CASE("cells, layers and run refuse shapes and options that do not fit") {
  check_refused([] { nn::RNNCell({.in = 0, .hidden = 2}); }, "RNN: in and hidden of at least 1");
  check_refused([] { nn::GRU({.in = 2, .hidden = -1}); },
                "GRU: in and hidden of at least 1 were required: got 2 and -1");
  check_refused([] { nn::LSTM({.in = 2, .hidden = 3, .projection = 3}); },
                "LSTM: a projection below hidden (3)");
  check_refused([] { nn::LSTM({.in = 2, .hidden = 3, .projection = -1}); }, "got -1");
  check_refused([] { nn::LSTM({.in = 2, .hidden = 3, .bias = false, .forget_bias = 1}); },
                "LSTM: a bias was required for forget_bias 1");
  check_refused([] { nn::GRU({.in = 2, .hidden = 3, .layers = 0}); },
                "recurrent: at least one layer");
  check_refused([] { nn::GRU({.in = 2, .hidden = 3, .dropout = 1}); },
                "Dropout: a probability in [0, 1)");
  check_refused([] { nn::GRU({.in = 2, .hidden = 3, .variational_dropout = -1}); }, "got -1");
  const SequenceLayout layout({2, 1});
  const nn::Sequence x(random({3, 2}, 1), layout);
  const nn::LSTM lstm({.in = 2, .hidden = 3, .layers = 2, .dtype = f64});
  check_refused(
      [&] {
        lstm({random({3, 5}, 1), layout});
      },
      "LSTM: inputs [.., 2] were required: got [3, 5]");
  check_refused([&] { lstm(x, {lstm.layers[0].initial(2)}); },
                "recurrent: 2 states (layers x directions) or none were required: got 1");
  check_refused(
      [&] {
        lstm(x, {lstm.layers[0].initial(3), lstm.layers[1].initial(3)});
      },
      "run: a state with one row for each of 2 sequences was required: got [3, 3]");
  check_refused([&] { lstm(x, {{Var(), Var()}, {Var(), Var()}}); }, "got an undefined one");
  std::vector<nn::LSTMCell::State> state(1, lstm.layers[0].initial(2));
  check_refused(
      [&] {
        lstm.step(random({2, 2}, 1), state);
      },
      "recurrent: 2 states were required: got 1");
  const nn::GRU both({.in = 2, .hidden = 3, .bidirectional = true, .dtype = f64});
  std::vector<nn::GRUCell::State> none;
  check_refused([&] { both.step(random({2, 2}, 1), none); }, "one direction was required to step");
  const nn::GRUCell cell({.in = 2, .hidden = 3, .dtype = f64});
  check_refused(
      [&] {
        cell.project(random({2, 4}, 1));
      },
      "GRU: inputs [.., 2] were required: got [2, 4]");
  check_refused([&] { cell.project(Var()); }, "GRU: a value was required");
}

TEST_CASE("sizes whose product overflows are refused") {
  constexpr Index kHuge = Index{1} << 62;
  const std::string text = "sizes whose product fits 63 bits were required: got ";
  check_refused([] { nn::LSTM({.in = 1, .hidden = kHuge, .bias = false}); }, "LSTM: " + text);
  check_refused([] { nn::GRU({.in = 1, .hidden = kHuge, .bias = false}); }, "GRU: " + text);
  check_says(message_of([] { nn::RNN({.in = 1, .hidden = kHuge, .bias = false}); }),
             "memory was required");
}

TEST_CASE_TEMPLATE("a cell by itself has no options of a layer", Cell, nn::RNNCell, nn::LSTMCell,
                   nn::GRUCell) {
  const auto has_any = []<class Options>(const Options&) {
    return requires(Options o) { o.layers; }
    || requires(Options o) { o.bidirectional; }
    || requires(Options o) { o.dropout; }
    || requires(Options o) { o.variational_dropout; };
  };
  CHECK(!has_any(typename Cell::Options()));
  CHECK(has_any(typename nn::Recurrent<Cell>::Options()));
}

// The same refusals in every way to take a step: fused, recorded, by hand.
template <class Cell>
void check_steps(const typename Cell::Options& options) {
  const Cell cell(options);
  const auto refuses = [&](const Tensor& x, typename Cell::State state) {
    CHECK_THROWS_AS(cell(x, state), std::invalid_argument);
    if (x.shape().back() == 3)
      CHECK_THROWS_AS(cell.step(cell.project(x), state), std::invalid_argument);
    Tape tape;
    const Var watched = tape.watch(x);
    CHECK_THROWS_AS(cell(watched, state), std::invalid_argument);
  };
  refuses(random({3}, 1, f32), cell.initial(1));
  refuses(random({1, 2, 3}, 1, f32), cell.initial(1));
  refuses(random({4, 3}, 1, f32), cell.initial(1));
  refuses(random({1, 3}, 1, f32), cell.initial(4));
  refuses(random({2, 4}, 1, f32), cell.initial(2));
  typename Cell::State good = cell.initial(2);
  const auto count = nn::parts_of(good).size();
  for (std::size_t k = 0; k < count; ++k)
    for (const Var& wrong : {Var(), Var(Tensor::zeros({2, 1})), Var(Tensor::zeros({2})),
                             Var(Tensor::zeros({1, 2})), Var(Tensor::zeros({}))}) {
      States parts = nn::parts_of(good);
      parts[k] = wrong;
      refuses(random({2, 3}, 1, f32), nn::with_parts(good, parts));
    }
  CHECK(cell(random({2, 3}, 1, f32), good).h.rank() == 2);
}

TEST_CASE("a step refuses inputs and states of other shapes, recorded or not") {
  check_steps<nn::RNNCell>({.in = 3, .hidden = 2});
  check_steps<nn::LSTMCell>({.in = 3, .hidden = 2});
  check_steps<nn::LSTMCell>({.in = 3, .hidden = 2, .peephole = true});
  check_steps<nn::LSTMCell>({.in = 3, .hidden = 4, .projection = 2});
  check_steps<nn::GRUCell>({.in = 3, .hidden = 2});
  check_steps<nn::GRUCell>({.in = 3, .hidden = 2, .reset_after = false});
  // In the loop as well, fused or not.
  const nn::LSTMCell cell({.in = 3, .hidden = 2});
  const nn::Sequence x(random({4, 3}, 1, f32), SequenceLayout::equal(2, 2));
  const Var h = Tensor::zeros({2, 2}), c = Tensor::zeros({2, 1});
  for (bool fused : {true, false})
    CHECK_THROWS_AS(nn::unroll(cell, x, {h, c}, {.fused = fused}), std::invalid_argument);
}

TEST_CASE("with checkpoints a cell may be moved, changed or destroyed before backward") {
  const Tensor rows = random({12, 3}, 1);
  const auto gradients = [&](Index every, int what) {
    manual_seed(2);
    auto cell =
        std::make_unique<nn::LSTMCell>(nn::LSTMCell::Options{.in = 3, .hidden = 4, .dtype = f64});
    const std::uint64_t id = cell->wx.id();
    Tape tape;
    const nn::Sequence x(tape.watch(rows), SequenceLayout({5, 4, 3}));
    const Var loss =
        sum(nn::unroll(*cell, x, cell->initial(3), {.checkpoint_every = every}).sequence.rows);
    std::vector<nn::LSTMCell> elsewhere;
    if (what == 1) elsewhere.push_back(std::move(*cell));
    if (what == 2) cell->wx.set_value(Tensor::zeros(cell->wx.shape(), f64));
    if (what == 3) cell.reset();
    const Gradients g = tape.backward(loss);
    CHECK(g.entries().size() == 4);  // x, wx, wh, b
    return std::pair(g.find(id)->to_dense(), g[x.rows]);
  };
  const auto expected = gradients(0, 0);
  for (Index every : {0, 2})
    for (int what : {0, 1, 2, 3}) {
      CAPTURE(every);
      CAPTURE(what);
      const auto got = gradients(every, what);
      CHECK(distance(got.first, expected.first) < 1e-14);
      CHECK(distance(got.second, expected.second) < 1e-14);
    }
}
