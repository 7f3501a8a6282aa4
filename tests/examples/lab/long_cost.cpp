// Cost: the fits, on powers that are known; and the memory of the experiment in its smallest form.
// Times are not tested: the machine may be busy.
#include "examples/lab/common/growth.h"

#include "tests/examples/run_program.h"

#include <cmath>

TEST_CASE("the exponent of a power is found, whatever happens at the short lengths") {
  lab::Numbers lengths, values;
  for (double t = 64; t <= 4096; t *= 2) lengths.push_back(t);
  for (const double p : {0.0, 1.0, 1.7, 2.0}) {
    values.clear();
    for (const double t : lengths) values.push_back(t < 500 ? 1 : 3e-6 * std::pow(t, p));
    CHECK(lab::exponent(lengths, values) == doctest::Approx(p));
  }
  values.back() = std::nan("");  // not measured
  CHECK(lab::exponent(lengths, values) == doctest::Approx(2));
}

TEST_CASE("a square crosses a line where they are equal") {
  const lab::Numbers lengths{100, 200, 400, 800};
  lab::Numbers square, line, slow;
  for (const double t : lengths)
    square.push_back(t * t), line.push_back(300 * t), slow.push_back(3000 * t);
  CHECK(lab::crossing(lengths, square, line) == doctest::Approx(300));
  CHECK(std::isnan(lab::crossing(lengths, square, slow)));
  CHECK(lab::crossing(lengths, slow, square) == 100);  // at all of them
}

TEST_CASE("memory grows in proportion to the steps, except where all weights are stored") {
  const Numbers of = numbers_of("lab/cost", {"--quick"});
  for (const char* kind : {"gru", "lstm", "mingru", "mamba", "linear-attention", "attention"}) {
    CAPTURE(kind);
    CHECK(of[fmt::format("cost.{}.memory_exponent", kind)] < 1.2);
    CHECK(of[fmt::format("cost.{}.forward_memory_exponent", kind)] < 1.2);
    CHECK(of[fmt::format("cost.{}.exponent", kind)] > 0);
  }
  CHECK(of["cost.gru.memory_exponent"] > 0.8);
  CHECK(of["cost.attention-stored.memory_exponent"] > 1.5);
  CHECK(of["cost.attention-stored.forward_memory_exponent"] > 1.5);
}
