// Schedules at their edges, and a plateau's state.
#include "tests/support.h"

#include <unroll/optim/schedule.h>

#include <cmath>
#include <limits>

using namespace unroll;

TEST_CASE("StepDecay multiplies the rate by its factor every so many steps") {
  const optim::StepDecay schedule{.lr = 0.8, .every = 3, .factor = 0.5};
  const double expected[] = {0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2};
  for (Index i = 0; i < 7; ++i) CHECK(schedule(i) == doctest::Approx(expected[i]).epsilon(1e-15));
  for (Index every : {0, -1})
    check_says(message_of([&] {
                 (void)optim::StepDecay{1, every}(2);
               }),
               fmt::format("StepDecay: `every` of at least 1 was required: got {}", every));
}

TEST_CASE("WarmUp is linear from its start, and with 0 steps constant") {
  const optim::WarmUp schedule{.lr = 2, .steps = 4, .start = 0.5};
  const double expected[] = {1, 1.25, 1.5, 1.75, 2, 2};
  for (Index i = 0; i < 6; ++i) CHECK(schedule(i) == doctest::Approx(expected[i]).epsilon(1e-15));
  CHECK(optim::WarmUp{3, 0}(0) == 3);
  CHECK(optim::WarmUp{3, 1}(0) == 0);
  CHECK(optim::WarmUp{3, 1}(1) == 3);
}

TEST_CASE("Cosine is symmetric about its middle, ends at its min and stays there") {
  const optim::Cosine schedule{.lr = 1, .steps = 20, .warmup = 4, .min = 0.2};
  for (Index i = 0; i <= 4; ++i) CHECK(schedule(i) == doctest::Approx(i / 4.0));
  CHECK(schedule(12) == doctest::Approx(0.6));
  for (Index i = 0; i <= 8; ++i) CHECK(schedule(12 - i) + schedule(12 + i) == doctest::Approx(1.2));
  for (Index i = 5; i <= 20; ++i) CHECK(schedule(i) < schedule(i - 1));
  for (Index i : {20, 21, 1000}) CHECK(schedule(i) == doctest::Approx(0.2));
  CHECK(optim::Cosine{.lr = 1, .steps = 1}(0) == 1);
  check_says(message_of([] { (void)optim::Cosine{.lr = 1, .steps = 0}(0); }),
             "Cosine: more steps than those of the warm-up (0) were required: got 0");
  check_says(message_of([] { (void)optim::Cosine{.lr = 1, .steps = 3, .warmup = 5}(0); }),
             "than those of the warm-up (5) were required: got 3");
  check_says(message_of([] { (void)optim::Cosine{.lr = 1, .steps = 3, .warmup = -1}(0); }),
             "a warm-up of at least 0 steps was required: got -1");
}

TEST_CASE("a negative step is refused") {
  check_says(message_of([] {
               (void)optim::StepDecay{1, 3}(-1);
             }),
             "StepDecay: a step of at least 0");
  check_says(message_of([] { (void)optim::WarmUp{1, 3}(-1); }), "WarmUp: a step of at least 0");
  check_says(message_of([] { (void)optim::Cosine{1, 3}(-2); }), "was required: got -2");
}

TEST_CASE("ReduceOnPlateau lowers the rate after more than `patience` losses without improvement") {
  optim::ReduceOnPlateau schedule({.lr = 1, .factor = 0.5, .patience = 2});
  for (double loss : {5.0, 4.0, 4.0, 4.0}) CHECK(schedule(loss) == 1);
  CHECK(schedule(4.0) == 0.5);
  for (double loss : {4.1, double{NAN}}) CHECK(schedule(loss) == 0.5);
  CHECK(schedule(std::numeric_limits<double>::infinity()) == 0.25);
  CHECK(schedule(3) == 0.25);
}

TEST_CASE("training minimises negative losses too") {
  // The same numbers shifted: which of them are improvements by more than the threshold's part.
  optim::ReduceOnPlateau schedule({.lr = 1, .factor = 0.5, .patience = 0, .threshold = 0.01});
  CHECK(schedule(-2.0) == 1);
  CHECK(schedule(-2.01) == 0.5);  // by half a percent only
  CHECK(schedule(-2.1) == 0.5);
  CHECK(schedule(-2.09) == 0.25);  // worse
  CHECK(schedule(-2.11) == 0.125);
  CHECK(schedule(-3) == 0.125);
}

TEST_CASE("ReduceOnPlateau respects its min rate and cooldown") {
  optim::ReduceOnPlateau schedule(
      {.lr = 1, .factor = 0.1, .patience = 0, .cooldown = 2, .min = 0.05});
  schedule(1);
  CHECK(schedule(1) == 0.1);
  CHECK(schedule(1) == 0.1);
  CHECK(schedule(1) == 0.1);
  CHECK(schedule(1) == 0.05);
  for (int i = 0; i < 9; ++i) CHECK(schedule(1) == 0.05);
}

TEST_CASE("ReduceOnPlateau continues from a saved state") {
  const optim::ReduceOnPlateau::Options options{
      .lr = 1, .factor = 0.7, .patience = 2, .cooldown = 1};
  Generator g(5);
  std::vector<double> losses;
  for (int i = 0; i < 40; ++i) losses.push_back(g.uniform() + 3.0 / (i + 1));
  for (std::size_t cut = 0; cut < losses.size(); cut += 3) {
    optim::ReduceOnPlateau whole(options), resumed(options);
    for (std::size_t i = 0; i < cut; ++i) whole(losses[i]);
    resumed.set_state(whole.state());
    CHECK(resumed.lr() == whole.lr());
    for (std::size_t i = cut; i < losses.size(); ++i) CHECK(resumed(losses[i]) == whole(losses[i]));
    CHECK(whole.lr() < 1);
  }
}

TEST_CASE("schedules refuse invalid rates, factors and steps") {
  using namespace optim;
  const double inf = std::numeric_limits<double>::infinity();
  for (const double bad : {-1.0, double{NAN}, inf}) {
    check_refused([&] { StepDecay{bad, 3}(1); }, "StepDecay: a finite rate of at least 0");
    check_refused([&] { StepDecay{1, 3, bad}(1); }, "StepDecay: a finite factor of at least 0");
    check_refused([&] { WarmUp{bad, 3}(1); }, "WarmUp: a finite rate of at least 0");
    check_refused([&] { WarmUp{1, 3, bad}(1); }, "WarmUp: a finite start of at least 0");
    check_refused([&] { Cosine{bad, 3}(1); }, "Cosine: a finite rate of at least 0");
    check_refused([&] { Cosine{.lr = 1, .steps = 3, .min = bad}(1); },
                  "Cosine: a finite min rate of at least 0");
  }
  check_refused([] { WarmUp{.lr = 1, .steps = -5}(1); },
                "WarmUp: at least 0 steps were required: got -5");
}

TEST_CASE("ReduceOnPlateau refuses invalid options and states") {
  using Plateau = optim::ReduceOnPlateau;
  check_says(message_of([] { Plateau({.lr = 1, .factor = 1}); }), "a factor in (0, 1)");
  check_says(message_of([] { Plateau({.lr = -1}); }), "ReduceOnPlateau: a finite rate");
  check_says(message_of([] { Plateau({.lr = 1, .patience = -1}); }), "got -1 and 0");
  check_says(message_of([] { Plateau({.lr = 1, .threshold = NAN}); }),
             "a finite threshold of at least 0");
  const double inf = std::numeric_limits<double>::infinity();
  check_says(message_of([&] { Plateau({.lr = inf}); }), "a finite rate of at least 0");
  check_says(message_of([&] { Plateau({.lr = 1, .min = inf}); }), "a finite min rate");
  check_says(message_of([&] { Plateau({.lr = 1, .threshold = inf}); }), "a finite threshold");
  Plateau plateau({.lr = 1});
  const optim::State good = plateau.state();
  const auto refused = [&](const std::function<void(optim::State&)>& spoil, const char* text) {
    optim::State bad = good;
    spoil(bad);
    check_says(message_of([&] { plateau.set_state(bad); }), text);
  };
  refused([](auto& s) { s.erase("best"); }, "one number \"best\" was required: got none");
  refused([](auto& s) { s["bad"] = Tensor::ones({2}); },
          "one number \"bad\" was required: got [2]");
  refused([](auto& s) { s["more"] = Tensor::ones({}); }, "an unknown \"more\"");
  refused([](auto& s) { s["bad"] = Tensor::scalar(NAN, f64); }, "ReduceOnPlateau state: ");
  refused([](auto& s) { s["lr"] = Tensor::scalar(-1, f64); }, "ReduceOnPlateau state: ");
  refused([&](auto& s) { s["lr"] = Tensor::scalar(inf, f64); }, "a finite rate");
  refused([](auto& s) { s["bad"] = Tensor::scalar(2.7, f64); }, "ReduceOnPlateau state: ");
  refused([](auto& s) { s["cooling"] = Tensor::scalar(0.5, f64); }, "ReduceOnPlateau state: ");
  refused([](auto& s) { s["best"] = Tensor::scalar(NAN, f64); },
          "a number was required as \"best\": got nan");
}
