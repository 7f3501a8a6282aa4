// Cells of one's own: a State of one to four Vars, of vectors of Vars and other values; as a layer.
#include "states.h"

#include <unroll/autograd/gradcheck.h>

using namespace unroll;

namespace {

// A cell of one's own with n Vars of state: each part is mixed with the next, and the first is fed.
template <int n>
struct Chain;
template <>
struct Chain<1> {
  struct State {
    Var a;
  };
};
template <>
struct Chain<2> {
  struct State {
    Var a, b;
  };
};
template <>
struct Chain<3> {
  struct State {
    Var a, b, c;
  };
};
template <>
struct Chain<4> {
  struct State {
    Var a, b, c, d;
  };
};

template <int n>
struct ChainCell {
  using State = typename Chain<n>::State;
  Param u = Param(random({2, 3}, 41)), w = Param(random({3, 3}, 42));
  UNROLL_FIELDS(u, w)
  Var project(const Var& x) const { return matmul(x, u); }
  State step(const Var& ux, const State& s) const {
    const States before = nn::parts_of(s);
    States after;
    for (int i = 0; i < n; ++i)
      after.push_back(tanh(matmul(before[i], w) + before[(i + 1) % n] * 0.5 +
                           (i == 0 ? ux : Var(Tensor::scalar(0, f64)))));
    return nn::with_parts(s, after);
  }
  State initial(Index batch) const {
    State s;
    Generator g(7);
    nn::each_part(s, [&](Var& part) { part = g.normal({batch, 3}, 0, 1, f64); });
    return s;
  }
};

}  // namespace

template <int n>
void check_chain() {
  CAPTURE(n);
  const ChainCell<n> cell;
  Generator g(9);
  const auto lengths = random_lengths(g, 4, 5);
  const nn::Sequence x = random_sequence(g, lengths, 2);
  const auto start = cell.initial(4);
  const NamedParams params = nn::parameters(cell);
  for (bool reverse : {false, true}) {
    const auto loss = [&](Index checkpoint) {
      const auto out =
          nn::unroll(cell, x, start, {.reverse = reverse, .checkpoint_every = checkpoint});
      return sum(square(out.sequence.rows)) + weighted(out.last, 10);
    };
    const auto by_hand = [&] {
      Var total = Tensor::scalar(0, f64);
      std::vector<Var> last(n);
      std::vector<typename ChainCell<n>::State> states;
      for (Index b = 0; b < 4; ++b) {
        auto s = state_of(start, b);
        for (Index i = 0; i < lengths[b]; ++i) {
          const Index t = reverse ? lengths[b] - 1 - i : i;
          s = cell.step(cell.project(narrow(x.at(b), 0, t, 1)), s);
          total = total + sum(square(s.a));
        }
        states.push_back(s);
      }
      return total + weighted(stacked(states), 10);
    };
    const auto expected = gradients_of(by_hand, params);
    for (Index checkpoint : {0, 1, 2}) {
      CHECK(loss(checkpoint).item() == doctest::Approx(by_hand().item()).epsilon(1e-13));
      const auto got = gradients_of([&] { return loss(checkpoint); }, params);
      for (std::size_t i = 0; i < params.size(); ++i) CHECK(distance(got[i], expected[i]) < 1e-12);
    }
  }
}

TEST_CASE("a user-defined cell has a state of one to four Vars") {
  check_chain<1>();
  check_chain<2>();
  check_chain<3>();
  check_chain<4>();
}

TEST_CASE("a state of a wrong size is refused by the op of a user-defined cell that meets it") {
  const nn::Sequence x(random({3, 2}, 1), SequenceLayout({2, 1}));
  check_refused([&] { nn::unroll(ChainCell<1>(), x, {random({2, 4}, 1)}); }, "matmul");
}

TEST_CASE("a detached state has the same values and no gradient") {
  const ChainCell<3> cell;
  Tape tape;
  const auto next = cell.step(cell.project(random({2, 2}, 1)), cell.initial(2));
  CHECK(next.a.requires_grad());
  const auto off = nn::detach(next);
  CHECK(!off.a.requires_grad());
  CHECK(!off.c.requires_grad());
  CHECK(state_distance(off, next) == 0);
}

namespace {

// A stack of leaky averages: a State of a vector of Vars, a number that is no Var, and an output
// that stands last in it.
struct Averages {
  struct Options {
    Index in = 0;
    Index count = 3;
    double decay = 0.5;
    DType dtype = f64;
  };
  struct State {
    std::vector<Var> sums;  // each [B, D]
    double decay = 0;
    Var out;  // [B, D]
    int steps = 0;
  };
  explicit Averages(const Options& o)
      : w(random({o.in, o.in}, 3, o.dtype)), count(o.count), decay(o.decay) {}
  Var project(const Var& x) const { return matmul(x, w); }
  State step(const Var& px, const State& s) const {
    State next = s;
    Var at = px;
    for (Var& sum : next.sums) at = sum = sum * s.decay + tanh(at);
    next.out = at * 2.0 + s.out * 0.1;
    next.steps = s.steps + 1;
    return next;
  }
  Var output(const State& s) const { return s.out; }
  State initial(Index batch) const {
    const Var zero = Tensor::zeros({batch, w.shape()[0]}, w.dtype());
    return {std::vector<Var>(static_cast<std::size_t>(count), zero), decay, zero, 0};
  }
  Index output_size() const { return w.shape()[0]; }

  Param w;
  UNROLL_FIELDS(w)
  Index count;
  double decay;
};

// What Averages put out and end with, sequence by sequence.
template <class F>
void each_step_by_hand(const Averages& cell, const nn::Sequence& x, bool reverse, F f) {
  for (Index b = 0; b < x.size(); ++b) {
    Averages::State s = cell.initial(1);
    const Var rows = x.at(b);
    const Index length = rows.shape()[0];
    for (Index i = 0; i < length; ++i) {
      const Index t = reverse ? length - 1 - i : i;
      s = cell.step(cell.project(narrow(rows, 0, t, 1)), s);
      f(b, t, s, i + 1 == length);
    }
  }
}

}  // namespace

TEST_CASE("a State may hold vectors of Vars and other values, and the output may be any of them") {
  Generator g(4);
  for (const Index count : {0, 1, 4}) {
    const Averages cell({.in = 2, .count = count, .decay = 0.3});
    const nn::Sequence x = random_sequence(g, {3, 5, 1, 2}, 2);
    CHECK(nn::parts_of(cell.initial(4)).size() == static_cast<std::size_t>(count) + 1);
    for (const bool reverse : {false, true})
      for (const Index every : {0, 1, 2, 100}) {
        const auto out =
            nn::run(cell, x, cell.initial(4), {.reverse = reverse, .checkpoint_every = every});
        CHECK(out.last.decay == 0.3);
        CHECK(out.last.sums.size() == static_cast<std::size_t>(count));
        each_step_by_hand(cell, x, reverse, [&](Index b, Index t, const auto& s, bool at_end) {
          CHECK(distance(s.out.value().select(0, 0), out.sequence.at(b).value().select(0, t)) <
                1e-13);
          if (at_end) CHECK(state_distance(s, state_of(out.last, b)) < 1e-13);
        });
      }
    // Whatever the state holds, derivatives go through it.
    const auto loss = [&](Index every) {
      const auto out = nn::run(cell, x, cell.initial(4), {.checkpoint_every = every});
      return sum(square(out.sequence.rows)) + weighted(out.last, 3);
    };
    const NamedParams params = nn::parameters(cell);
    const auto result = gradcheck_params([&] { return loss(0); }, params);
    CHECK_MESSAGE(result, result.message);
    const auto whole = gradients_of([&] { return loss(0); }, params),
               saved = gradients_of([&] { return loss(2); }, params);
    CHECK(distance(whole[0], saved[0]) < 1e-12);
  }
}

TEST_CASE("each_part, parts_of and with_parts reach the Vars of a State in order") {
  Averages::State s{{random({2, 3}, 1), random({2, 3}, 2)}, 0.25, random({2, 3}, 3), 7};
  const States parts = nn::parts_of(s);
  REQUIRE(parts.size() == 3);
  CHECK(distance(parts[1].value(), s.sums[1].value()) == 0);
  CHECK(distance(parts[2].value(), s.out.value()) == 0);
  States turned(parts.rbegin(), parts.rend());
  const Averages::State t = nn::with_parts(s, turned);
  CHECK(distance(t.sums[0].value(), s.out.value()) == 0);
  CHECK(distance(t.out.value(), s.sums[0].value()) == 0);
  CHECK(t.decay == 0.25);
  CHECK(t.steps == 7);
  nn::each_part(s, [](Var& part) { part = part * 2.0; });
  CHECK(distance(s.sums[0].value(), mul(parts[0].value(), 2)) == 0);
  turned.pop_back();
  check_refused([&] { nn::with_parts(s, turned); },
                "with_parts: 3 Vars, as many as the State has, were required: got 2");
  turned.resize(4);
  check_refused([&] { nn::with_parts(s, turned); },
                "with_parts: 3 Vars, as many as the State has, were required: got 4");
}

TEST_CASE("a step that changes the number of Vars in the State is refused") {
  struct Growing {
    struct State {
      std::vector<Var> all;
    };
    Index by;
    Var project(const Var& x) const { return x; }
    State step(const Var& px, const State& s) const {
      State next = s;
      next.all.resize(static_cast<std::size_t>(static_cast<Index>(s.all.size()) + by), px);
      return next;
    }
  };
  for (const auto& lengths : {std::vector<Index>{3, 3}, {2, 5, 1}})
    for (const Index by : {-1, 1})
      for (const Index every : {0, 2}) {
        Generator g(1);
        const nn::Sequence x = random_sequence(g, lengths, 2);
        const Var start = random({x.size(), 2}, 2);
        check_refused(
            [&] {
              nn::run(Growing{by}, x, {{start, start}}, {.checkpoint_every = every});
            },
            "run: a state of 2 Vars was required of every step: got " + std::to_string(2 + by));
      }
}

TEST_CASE(
    "Recurrent of a user-defined cell has layers, directions, dropout and step like the built-in "
    "ones") {
  manual_seed(5);
  Generator g(6);
  const nn::Recurrent<Averages> layer(
      {.cell = {.in = 2, .count = 2, .decay = 0.3}, .layers = 2, .bidirectional = true});
  CHECK(layer.layers.size() == 2);
  CHECK(layer.reverse.size() == 2);
  CHECK(layer.layers[0].w.shape() == Shape{2, 2});
  CHECK(layer.layers[1].w.shape() == Shape{4, 4});  // reads both directions
  CHECK(nn::parameters(layer).size() == 4);
  const nn::Sequence x = random_sequence(g, {3, 5, 1, 2}, 2);
  const auto out = layer(x);
  CHECK(out.sequence.rows.shape() == Shape{11, 8});
  CHECK(out.last().shape() == Shape{4, 8});
  CHECK(out.state.size() == 4);
  // The same by hand: both directions of the first, side by side, then of the second.
  nn::Sequence at = x;
  Var top;
  for (std::size_t l : {0, 1}) {
    const auto forward = nn::run(layer.layers[l], at, layer.layers[l].initial(4));
    const auto backward =
        nn::run(layer.reverse[l], at, layer.reverse[l].initial(4), {.reverse = true});
    at = nn::Sequence(concat(std::vector<Var>{forward.sequence.rows, backward.sequence.rows}, 1),
                      x.layout);
    top = concat(std::vector<Var>{forward.last.out, backward.last.out}, 1);
  }
  CHECK(distance(out.sequence.rows.value(), at.rows.value()) < 1e-14);
  CHECK(distance(out.last().value(), top.value()) < 1e-14);
  // A batch of n equals n batches of one.
  for (Index b = 0; b < 4; ++b) {
    const Tensor rows = x.at(b).value();
    const auto one = layer(nn::Sequence(rows, SequenceLayout::equal(1, rows.shape()[0])));
    CHECK(distance(one.sequence.rows.value(), out.sequence.at(b).value()) < 1e-13);
  }
  const auto result = gradcheck_params(
      [&] {
        const auto y = layer(x);
        return sum(square(y.sequence.rows)) + sum(y.last());
      },
      nn::parameters(layer));
  CHECK_MESSAGE(result, result.message);
  // Step by step in one direction; dropout between the two layers.
  const nn::Recurrent<Averages> stream({.cell = {.in = 2}, .layers = 2, .dropout = 0.5});
  const nn::Sequence one(random({6, 2}, 7), SequenceLayout::equal(1, 6));
  const auto whole = stream(one);
  std::vector<Averages::State> state;
  for (Index t = 0; t < 6; ++t) {
    const Var y = stream.step(one.rows.value().narrow(0, t, 1), state);
    CHECK(distance(y.value(), whole.sequence.rows.value().narrow(0, t, 1)) < 1e-14);
  }
  CHECK(state[0].steps == 6);
  CHECK(whole.carry()[0].decay == 0.5);
  const Training on;
  CHECK(distance(stream(one).sequence.rows.value(), whole.sequence.rows.value()) > 1e-3);
}

namespace {

// Cells that lack something.
struct NoStep {
  struct State {
    Var h;
  };
  Var project(const Var& x) const { return x; }
};
struct OtherState {
  struct State {
    Var h;
  };
  Var project(const Var& x) const { return x; }
  Var step(const Var& px, const State&) const { return px; }  // no State
};
struct HiddenState {
  class State {
   public:
    explicit State(Var h) : h_(std::move(h)) {}

   private:
    Var h_;
  };
  Var project(const Var& x) const { return x; }
  State step(const Var&, const State& s) const { return s; }
};
// What run takes, and no layer: no options, or options without `in`, or no initial state, or no
// size.
struct OnlyCell {
  struct State {
    Var h;
  };
  Var project(const Var& x) const { return x; }
  State step(const Var& px, const State&) const { return {px}; }
};
struct NoIn : OnlyCell {
  struct Options {
    Index hidden = 0;
  };
  explicit NoIn(const Options&) {}
  State initial(Index) const { return {}; }
  Index output_size() const { return 1; }
};
struct NoInitial : OnlyCell {
  struct Options {
    Index in = 0;
  };
  explicit NoInitial(const Options&) {}
  Index output_size() const { return 1; }
};
struct NoSize : OnlyCell {
  struct Options {
    Index in = 0;
  };
  explicit NoSize(const Options&) {}
  State initial(Index) const { return {}; }
};
struct NoConstructor : OnlyCell {
  struct Options {
    Index in = 0;
  };
  State initial(Index) const { return {}; }
  Index output_size() const { return 1; }
};

static_assert(nn::Cell<nn::RNNCell> && nn::Cell<nn::LSTMCell> && nn::Cell<nn::GRUCell>);
static_assert(nn::LayerCell<nn::RNNCell> && nn::LayerCell<nn::LSTMCell> &&
              nn::LayerCell<nn::GRUCell>);
static_assert(nn::Cell<ChainCell<3>> && nn::Cell<OnlyCell> && nn::LayerCell<Averages>);
static_assert(!nn::Cell<NoStep> && !nn::Cell<OtherState> && !nn::Cell<HiddenState> &&
              !nn::Cell<Var>);
static_assert(!nn::LayerCell<OnlyCell> && !nn::LayerCell<NoIn> && !nn::LayerCell<NoInitial> &&
              !nn::LayerCell<NoSize> && !nn::LayerCell<NoConstructor> && !nn::LayerCell<NoStep>);

}  // namespace
