// Training or inference: what is said holds for its scope, on its thread, and inside checkpoints.
#include "tests/support.h"

#include <unroll/autograd/mode.h>
#include <unroll/autograd/ops.h>
#include <unroll/nn/attention.h>
#include <unroll/nn/recurrent.h>

#include <thread>

using namespace unroll;

TEST_CASE("by default, training mode is on while ops are recorded") {
  CHECK(!training());
  {
    Tape tape;
    CHECK(training());
    {
      const NoGrad off;
      CHECK(!training());
    }
    CHECK(training());
  }
  CHECK(!training());
}

TEST_CASE("the innermost Training or Inference scope decides, whether or not ops are recorded") {
  {
    const Training on;
    CHECK(training());
    {
      const Inference off;
      CHECK(!training());
      {
        const Training again;
        CHECK(training());
      }
      CHECK(!training());
    }
    CHECK(training());
    const NoGrad none;
    CHECK(training());
  }
  CHECK(!training());
  Tape tape;
  {
    const Inference off;
    CHECK(!training());
    Tape inner;
    CHECK(!training());
  }
  CHECK(training());
  CHECK_THROWS([] {
    const Inference off;
    throw std::runtime_error("out of the scope");
  }());
  CHECK(training());
}

TEST_CASE("the mode of one thread does not affect another") {
  const Training on;
  bool there = true;
  std::thread([&] { there = training(); }).join();
  CHECK(!there);
  CHECK(training());
}

TEST_CASE("modules drop in training and not in inference, with a tape and without") {
  const nn::Dropout layer({.p = 0.5});
  const nn::MultiHeadAttention attention({.dim = 8, .heads = 2, .dropout = 0.5, .dtype = f64});
  const nn::LSTM lstm({.in = 8, .hidden = 4, .layers = 2, .dropout = 0.5, .dtype = f64});
  const nn::Sequence x(random({60, 8}, 1), SequenceLayout({30, 20, 10}));
  const std::vector<std::function<Tensor()>> modules{
      [&] { return layer(x).rows.value(); }, [&] { return layer.variational(x).rows.value(); },
      [&] { return attention(x).rows.value(); }, [&] { return lstm(x).sequence.rows.value(); }};
  for (const auto& f : modules) {
    const auto drops = [&] { return distance(f(), f()) > 0; };
    const Tensor clean = f();
    CHECK(!drops());
    {
      const Training on;
      CHECK(drops());
    }
    Tape tape;
    CHECK(drops());
    {
      const NoGrad off;
      CHECK(!drops());
      CHECK(distance(f(), clean) == 0);
      const Training on;
      CHECK(drops());
    }
    const Inference off;
    CHECK(!drops());
    CHECK(distance(f(), clean) < 1e-14);
  }
}

TEST_CASE("a checkpoint recomputes in the training or inference mode of the forward pass") {
  const nn::Dropout layer({.p = 0.5});
  const Tensor values = random({200}, 1);
  const auto ends = [&](bool on, bool then) {
    std::vector<bool> seen;
    Tape tape;
    const Var x = tape.watch(values);
    Var y;
    {
      const TrainingMode mode(on);
      y = checkpoint(
          [&](const std::vector<Var>& in) {
            seen.push_back(training());
            return std::vector<Var>{layer(in[0]) * 3.0};
          },
          {x})[0];
    }
    const TrainingMode mode(then);
    const Tensor g = tape.backward(sum(y))[x];
    CHECK(seen == std::vector<bool>{on, on});
    CHECK(training() == then);
    // The gradient is that of the same mask: what was dropped has none.
    const Tensor expected = div(y.value(), values);
    CHECK(distance(g, expected) < 1e-12);
    CHECK((min(g).item() == 0) == on);
  };
  for (const bool on : {false, true})
    for (const bool then : {false, true}) ends(on, then);
}

TEST_CASE("a checkpointed dropout uses the same mask in backward, in the default mode") {
  const nn::Dropout layer({.p = 0.5});
  const Tensor values = random({200}, 2);
  Tape tape;
  const Var x = tape.watch(values);
  const Var y = checkpoint(
      [&](const std::vector<Var>& in) { return std::vector<Var>{layer(in[0])}; }, {x})[0];
  CHECK(distance(tape.backward(sum(y))[x], div(y.value(), values)) < 1e-12);
  CHECK(min(abs(y.value())).item() == 0);
}
