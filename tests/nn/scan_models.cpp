// What all recurrent layers that are scans have in common: minGRU, minLSTM, RG-LRU and Mamba.
#include "tests/nn/random_sequences.h"

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
