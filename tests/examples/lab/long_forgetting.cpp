// Forgetting: what is measured, on curves that are known; and the experiment in its smallest form.
#include "examples/lab/common/influence.h"
#include "examples/lab/common/tasks.h"

#include "tests/examples/run_program.h"

#include <cmath>

TEST_CASE("a memory that halves at each step has a half-life of one step") {
  for (const double life : {0.5, 1.0, 2.5, 7.0}) {
    lab::Numbers norms{1000};  // distance 0 does not count
    for (int d = 1; d < 60; ++d) norms.push_back(3 * std::exp2(-d / life));
    CHECK(lab::half_life(norms) == doctest::Approx(life));
  }
}

TEST_CASE("a half-life ends where the norm falls below half for good") {
  CHECK(lab::half_life({1, 1, 1, 1, 1}) == 3);        // it never does
  CHECK(lab::half_life({9, 1, 0.1, 0.9, 0.9}) == 3);  // it comes back
  CHECK(lab::half_life({9, 1, 1, 0, 0}) == 2);
}

TEST_CASE("the influence of an input is the Frobenius norm of the Jacobian") {
  unroll::Generator random(5);
  const lab::Network network({.reader = {.kind = "gru", .hidden = 3}, .columns = 2, .outputs = 1});
  const lab::Batch batch = lab::adding(1, 6, random);
  const lab::Influence found = lab::influence(network, batch, 20'000, random);
  // The Jacobian, one output after another.
  for (unroll::Index distance = 0; distance < 6; ++distance) {
    double squares = 0;
    for (unroll::Index h = 0; h < 3; ++h) {
      unroll::Tape tape;
      const unroll::Var x = tape.watch(batch.values.rows.value());
      const unroll::Var last =
          network.reader(lab::nn::Sequence(x, batch.values.layout)).sequence.last();
      const unroll::Tensor g = grad(narrow(last, 1, h, 1), {x})[0].value();  // [6, 2]
      for (unroll::Index c = 0; c < 2; ++c) squares += std::pow(g.at({5 - distance, c}), 2);
    }
    CHECK(found.output[static_cast<std::size_t>(distance)] ==
          doctest::Approx(std::sqrt(squares)).epsilon(0.03));
  }
}

TEST_CASE("recurrences forget at initialisation, attention does not, and memory is learned") {
  const Numbers of = numbers_of("lab/forgetting", {"--quick", "--seed", "1"});
  CHECK(of.same_metrics(numbers_of("lab/forgetting", {"--quick", "--threads", "1"})));
  for (const char* kind : {"rnn", "lstm", "gru", "mingru"}) {
    CAPTURE(kind);
    CHECK(of[fmt::format("forgetting.{}.half_life", kind)] < 3);
  }
  CHECK(of["forgetting.lstm-forget-1.half_life"] > 1.5 * of["forgetting.lstm.half_life"]);
  CHECK(of["forgetting.attention.half_life"] == 18);  // of 20 steps
  for (const char* kind : {"gru", "mingru", "attention"}) {
    CAPTURE(kind);
    CHECK(of[fmt::format("forgetting.{}.solved", kind)] == 1);
    CHECK(of[fmt::format("forgetting.{}.half_life_trained", kind)] > 9);
  }
  CHECK(of["forgetting.rnn.error"] > 5 * of["forgetting.gru.error"]);
}
