#include "tests/examples/dna_sequence/sequences.h"

namespace {

const std::string kName = "dna_sequence";

}  // namespace

TEST_CASE("repeats go before the split, and the answers without a network are as known") {
  const auto metrics = numbers_of(kName, {"--model", "none", "--folds", "10"});
  CHECK(metrics["sequences.given"] == 3186);
  CHECK(metrics["sequences.repeats"] == 185);
  CHECK(metrics["sequences.contradictory"] == 1);
  CHECK(metrics["sequences.used"] == 3000);
  CHECK(metrics["accuracy.majority"] == doctest::Approx(0.551).epsilon(1e-3));
  CHECK(metrics["accuracy.naive_bayes"] == doctest::Approx(0.950).epsilon(5e-3));
}

TEST_CASE("two readers that meet at the junction know more than counting, after a few epochs") {
  const auto metrics = numbers_of(kName, {"--model", "junction", "--epochs", "8"});
  CHECK(metrics["accuracy.junction"] > metrics["accuracy.naive_bayes"]);
  CHECK(metrics["accuracy.junction"] > 0.95);
  // The matrix is of the same answers.
  double all = 0, right = 0;
  for (const char* truth : {"n", "ei", "ie"})
    for (const char* answer : {"n", "ei", "ie"}) {
      const double n = metrics[fmt::format("confusion.junction.{}.{}", truth, answer)];
      all += n;
      if (std::string(truth) == answer) right += n;
    }
  CHECK(all == 450);
  CHECK(metrics["accuracy.junction"] == doctest::Approx(right / all));
}
