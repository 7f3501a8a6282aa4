// What all recurrent layers that are scans have in common: minGRU, minLSTM, RG-LRU, the recurrent
// block of Griffin, and Mamba.
#include "tests/nn/states.h"

#include <unroll/autograd/gradcheck.h>
#include <unroll/nn/griffin.h>
#include <unroll/nn/mamba.h>
#include <unroll/nn/scan.h>
#include <unroll/tensor/memory.h>

#include <limits>

using namespace unroll;

namespace {

// Calls f(name, layer) for a layer of each kind, of 6 inputs and outputs.
template <class F>
void each_model(DType dtype, F f) {
  const auto call = [&](const char* name, const auto& layer) {
    CAPTURE(name);
    f(layer);
  };
  call("minGRU", nn::MinGRU({.in = 6, .hidden = 6, .layers = 2, .dtype = dtype}));
  call("minLSTM", nn::MinLSTM({.in = 6, .hidden = 6, .layers = 2, .dtype = dtype}));
  call("RG-LRU", nn::RGLRU({.in = 6, .hidden = 6, .layers = 2, .blocks = 2, .dtype = dtype}));
  call("Griffin",
       nn::Griffin({.cell = {.in = 6, .width = 8, .blocks = 2, .dtype = dtype}, .layers = 2}));
  call("Mamba", nn::Mamba({.dim = 6, .layers = 2, .states = 3, .dtype = dtype}));
}

}  // namespace

TEST_CASE("a NaN or infinity in one sequence reaches no other through a layer that is a scan") {
  Generator g(1);
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
    for (const bool reverse : {false, true})
      each_model(f64, [&](const auto& layer) {
        nn::Sequence x = random_sequence(g, {4, 7, 1, 9}, 6);
        Tensor rows = x.rows.value().clone();
        rows.select(0, x.layout.row(1, 3)).fill_(bad);
        Tape tape;
        x.rows = tape.watch(rows);
        const auto y = layer(x, {}, {.reverse = reverse});
        const Gradients d = tape.backward(sum(square(y.sequence.rows)));
        CHECK(!all_finite(y.sequence.at(1).value()));
        for (const Index b : {Index{0}, Index{2}, Index{3}}) {
          CHECK(all_finite(y.sequence.at(b).value()));
          CHECK(all_finite(y.last().value().select(0, b)));
          CHECK(all_finite(index_select(d[x.rows], 0, x.layout.rows_of(b))));
        }
      });
}

TEST_CASE("the steps, the loop and the scan of a layer give the same") {
  Generator g(4);
  for (const DType dtype : {f32, f64})
    for (const Index batch : {1, 3})
      each_model(dtype, [&](const auto& layer) {
        const Index steps = 1 + g.below(40);
        const nn::Sequence x(g.normal({batch * steps, 6}, 0, 1, dtype),
                             SequenceLayout::equal(batch, steps));
        const double tolerance = dtype == f32 ? 1e-4 : 1e-11;
        const auto whole = layer(x), loop = layer(x, {}, {.fused = false});
        CHECK(distance(whole.sequence.rows.value(), loop.sequence.rows.value()) < tolerance);
        std::vector<typename std::decay_t<decltype(layer)>::State> state;
        for (Index t = 0; t < steps; ++t) {
          const auto now = [&](const Var& rows) {
            return rows.value().narrow(0, t * batch, batch);
          };
          CHECK(distance(layer.step(now(x.rows), state).value(), now(whole.sequence.rows)) <
                tolerance);
        }
        CHECK(state_distance(state.back(), whole.state.back()) < 10 * tolerance);
      });
}

TEST_CASE(
    "ragged sequences give what each gives alone, chunks what the whole gives, and reverse "
    "what flipped sequences give") {
  Generator g(5);
  each_model(f64, [&](const auto& layer) {
    const nn::Sequence x = random_sequence(g, {7, 3, 12, 1}, 6);
    const auto all = layer(x), back = layer(x, {}, {.reverse = true});
    for (Index b = 0; b < x.size(); ++b) {
      const Var rows = x.at(b);
      const Index length = rows.size(0), cut = length / 2;
      const auto one = layer(nn::Sequence::from({rows}));
      CHECK(distance(one.sequence.rows.value(), all.sequence.at(b).value()) < 1e-12);
      CHECK(distance(one.last().value(), all.last().value().narrow(0, b, 1)) < 1e-12);
      const auto flipped = layer(nn::Sequence::from({flip(rows, 0)}));
      CHECK(distance(flip(flipped.sequence.rows, 0).value(), back.sequence.at(b).value()) < 1e-12);
      if (cut == 0) continue;
      const auto early = layer(nn::Sequence::from({narrow(rows, 0, 0, cut)}));
      const auto late =
          layer(nn::Sequence::from({narrow(rows, 0, cut, length - cut)}), early.carry());
      CHECK(distance(late.sequence.rows.value(),
                     one.sequence.rows.value().narrow(0, cut, length - cut)) < 1e-12);
    }
  });
}

TEST_CASE("Griffin's gradients agree with finite differences, to second order") {
  manual_seed(4);
  Generator g(6);
  const nn::Griffin layer(
      {.cell = {.in = 3, .width = 4, .conv = 3, .blocks = 2, .dtype = f64}, .layers = 1});
  const nn::Sequence x = random_sequence(g, {2, 4, 1}, 3);
  const Tensor weight = g.normal({7, 3}, 0, 1, f64);
  const auto loss = [&](const nn::Sequence& in) { return sum(layer(in).sequence.rows * weight); };
  const auto f = [&](const std::vector<Var>& in) { return loss(nn::Sequence(in[0], x.layout)); };
  const auto first = gradcheck(f, {x.rows.value()});
  CHECK_MESSAGE(first, first.message);
  const auto second = gradgradcheck(f, {x.rows.value()});
  CHECK_MESSAGE(second, second.message);
  const auto weights = gradcheck_params([&] { return loss(x); }, nn::parameters(layer));
  CHECK_MESSAGE(weights, weights.message);
}

TEST_CASE("Griffin is the equations of the paper, at its first step") {
  Generator g(7);
  const nn::GriffinCell cell({.in = 3, .width = 4, .blocks = 2, .dtype = f64});
  const Tensor x = g.normal({2, 3}, 0, 1, f64);
  const nn::GriffinCell::State s = cell(x, cell.initial(2));
  // The convolution sees the current input only, and a sequence begins with h = sigmoid(..) u.
  const Tensor n = rms_norm(x, cell.norm.gain).value();
  const Tensor u = cell.in_proj(n).value() * cell.conv_w.value().select(0, 3) + cell.conv_b.value();
  Tensor gated = Tensor::empty({2, 4}, f64);
  for (Index block = 0; block < 2; ++block)
    gated.narrow(1, 2 * block, 2)
        .copy_(matmul(u.narrow(1, 2 * block, 2), cell.rg_lru.wi.value().select(0, block)));
  const Tensor h = sigmoid(gated + cell.rg_lru.bi.value()) * u;
  CHECK(distance(s.h.value(), h) < 1e-13);
  const Tensor expected = x + cell.out_proj(gelu(cell.gate_proj(n).value()) * h).value();
  CHECK(distance(s.out.value(), expected) < 1e-13);
}

TEST_CASE("Griffin refuses options and inputs that do not fit, in a sentence") {
  check_refused([] { nn::GriffinCell cell({.in = 0}); }, "Griffin");
  check_refused([] { nn::GriffinCell cell({.in = 4, .conv = 9}); },
                "Griffin: a convolution of 2 to 8 taps was required: got 9");
  check_refused([] { nn::GriffinCell cell({.in = 4, .blocks = 3}); },
                "RGLRU: a number of blocks that divides hidden = 4 was required: got 3");
  const nn::Griffin layer({.cell = {.in = 4}});
  check_refused(
      [&] {
        (void)layer(nn::Sequence(Tensor::zeros({2, 3}), SequenceLayout({2})));
      },
      "Griffin: rows [N, 4] were required: got [2, 3]");
}

TEST_CASE("a sequence of one step gives what a streamed step gives") {
  Generator g(2);
  for (const DType dtype : {f32, f64})
    each_model(dtype, [&](const auto& layer) {
      const nn::Sequence x = random_sequence(g, {1}, 6, dtype);
      std::vector<typename std::decay_t<decltype(layer)>::State> state;
      const Tensor whole = layer(x).sequence.rows.value(),
                   step = layer.step(x.rows.value(), state).value();
      CHECK(distance(whole, step) < (dtype == f32 ? 1e-5 : 1e-13));
    });
}

TEST_CASE("layers that are scans run 100,000 steps forward and backward, in linear memory") {
  Generator g(3);
  each_model(f32, [&](const auto& layer) {
    const auto peak = [&](Index steps) {
      nn::Sequence x = random_sequence(g, {steps}, 6, f32);
      memory::reset_peak();
      const Index before = memory::stats().in_use;
      Tape tape;
      x.rows = tape.watch(x.rows.value());
      const auto y = layer(x);
      const Gradients d = tape.backward(sum(y.sequence.rows));
      CHECK(all_finite(y.sequence.rows.value()));
      CHECK(all_finite(d[x.rows]));
      return memory::stats().peak - before;
    };
    const Index tenth = peak(10'000);
    CHECK(peak(100'000) < 13 * tenth);
  });
}
