// Checkpoints against the same functions without them: random functions whose results repeat, are
// inputs or constants, nested, differentiated up to three times.
#include "tests/support.h"

#include <unroll/autograd/op.h>
#include <unroll/autograd/ops.h>
#include <unroll/nn/cells.h>
#include <unroll/nn/module.h>
#include <unroll/nn/recurrent.h>

using namespace unroll;

namespace {

using Values = std::vector<Var>;

struct Program {
  std::uint64_t seed;
  bool checkpointed;
  const Param& weight;

  // Some ops on what there is, and some of what there is then as results.
  Values operator()(const Values& in, int depth) const {
    Generator g(seed + static_cast<std::uint64_t>(1000 * depth));
    Values all = in;
    const auto any = [&] {
      return all[static_cast<std::size_t>(g.below(static_cast<Index>(all.size())))];
    };
    const Index steps = 1 + g.below(4);
    for (Index i = 0; i < steps; ++i) {
      const Var a = any(), b = any();
      switch (g.below(depth > 0 ? 8 : 7)) {
        case 0:
          all.push_back(a * b);
          break;
        case 1:
          all.push_back(tanh(a + b));
          break;
        case 2:
          all.push_back(a + a);
          break;
        case 3:
          all.push_back(square(a) * 0.3);
          break;
        case 4:
          all.push_back(Var(Tensor::full({3}, 0.7, f64)));
          break;  // a constant
        case 5:
          all.push_back(sin(a) * weight);
          break;
        case 6:
          all.push_back(narrow(concat(Values{a, b}), 0, 1, 3));
          break;
        default:
          for (const Var& y : call({a, b, a}, depth - 1)) all.push_back(y);
      }
    }
    Values out;
    const Index results = 1 + g.below(4);
    for (Index i = 0; i < results; ++i) out.push_back(any());
    if (g.below(2) == 0) out.push_back(out[0]);
    return out;
  }
  Values call(const Values& in, int depth) const {
    if (!checkpointed) return (*this)(in, depth);
    return checkpoint([self = *this, depth](const Values& x) { return self(x, depth); }, in);
  }
  // One number from all results, each with a weight of its own.
  Var loss(const Values& in) const {
    Var total = sum(in[0] * in[1]);
    double factor = 0.5;
    for (const Var& y : call(in, 2)) total = total + sum(square(y) * y) * (factor += 0.3);
    return total;
  }
};

// The values of the loss' gradients of order 1 to 3 by x, y and the parameter, and what backward
// gives after all that.
std::vector<Tensor> derivatives(const Program& program, const Tensor& at_x, const Tensor& at_y) {
  std::vector<Tensor> out;
  Tape tape;
  const Var x = tape.watch(at_x), y = tape.watch(at_y), w = program.weight;
  Var f = program.loss({x, y});
  const Tensor zero = Tensor::zeros({3}, f64);
  for (int order = 1; order <= 3; ++order) {
    Var next = Var(Tensor::zeros({}, f64));
    for (const Var& d : grad(f, {x, y, w}, {.create_graph = true})) {
      out.push_back(d.defined() ? d.value() : zero);
      if (d.defined()) next = next + sum(square(d) * 0.5 + d);
    }
    f = next;
    if (!f.requires_grad()) break;
  }
  if (f.requires_grad()) {
    const Gradients last = tape.backward(f);
    out.push_back(last.has(x) ? last[x] : zero);
  }
  return out;
}

}  // namespace

TEST_CASE("a checkpoint that returns one value twice has second derivatives") {
  Tape tape;
  const Var x = tape.watch(Tensor::of({1, 2}, f64));
  const auto ys = checkpoint(
      [](const Values& in) {
        const Var y = square(in[0]);
        return Values{y, y};
      },
      {x});
  const Var g = grad(sum(square(ys[0])) + sum(square(ys[1])), {x}, {.create_graph = true})[0];
  CHECK(g.value().to_vector<double>() == std::vector<double>{8, 64});
  const Var second = grad(sum(g), {x}, {.create_graph = true})[0];  // 24 x^2
  CHECK(second.value().to_vector<double>() == std::vector<double>{24, 96});
  CHECK(grad(sum(second), {x})[0].value().to_vector<double>() == std::vector<double>{48, 96});
}

TEST_CASE("checkpoints change no derivative of random functions, up to the fourth order") {
  const Param weight(random({3}, 7));
  int compared = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    const Tensor x = mul(random({3}, 2 * seed), 0.4), y = mul(random({3}, 2 * seed + 1), 0.4);
    const auto plain = derivatives({seed, false, weight}, x, y);
    const auto checkpointed = derivatives({seed, true, weight}, x, y);
    REQUIRE(plain.size() == checkpointed.size());
    for (std::size_t i = 0; i < plain.size(); ++i) {
      CAPTURE(i);
      const double size = std::max(1.0, max(abs(plain[i])).item());
      CHECK(distance(plain[i], checkpointed[i]) <= 1e-10 * size);
      ++compared;
    }
  }
  CHECK(compared > 2500);
}

TEST_CASE("a recurrent layer with checkpoints has second derivatives, by rows and state") {
  manual_seed(3);
  const nn::Sequence x(random({8, 3}, 1), SequenceLayout({3, 2, 3}));
  const auto of = [&](const auto& layer, Index every) {
    Tape tape;
    const Var rows = tape.watch(x.rows.value());
    const auto out = layer(nn::Sequence(rows, x.layout), {}, {.checkpoint_every = every});
    const Var loss = sum(square(out.sequence.rows)) + sum(square(out.last()) * out.last());
    const Var g = grad(loss, {rows}, {.create_graph = true})[0];
    return std::pair{g.value(), tape.backward(sum(square(g)))[rows]};
  };
  const auto compare = [&](const auto& layer) {
    const auto [first, second] = of(layer, 0);
    for (Index every : {1, 2, 3}) {
      const auto [g, gg] = of(layer, every);
      CHECK(distance(g, first) < 1e-12);
      CHECK(distance(gg, second) < 1e-11);
    }
  };
  compare(nn::LSTM({.in = 3, .hidden = 4, .projection = 2, .dtype = f64}));
  compare(nn::LSTM({.in = 3, .hidden = 4, .layers = 2, .dtype = f64}));
  compare(nn::GRU({.in = 3, .hidden = 4, .dtype = f64}));
  compare(nn::RNN({.in = 3, .hidden = 4, .bidirectional = true, .dtype = f64}));
}

TEST_CASE("a checkpointed function that uses a value recorded after it is refused") {
  Tape tape;
  const Var x = tape.watch(Tensor::of({1, 2}, f64));
  Var later = x;
  const Var y = checkpoint([&](const Values& in) { return Values{in[0] * later}; }, {x})[0];
  later = square(x);
  check_refused([&] { (void)tape.backward(sum(y) + sum(later), {.retain = true}); },
                "gradients of values from before it were required of the derivative");
}
