#include "tests/examples/run_program.h"

#include <unroll/tensor/safetensors.h>

#include <cmath>

namespace {

const std::string kName = "stock_price";
const std::vector<std::string> kIndexes{"dax", "smi", "cac", "ftse"};

}  // namespace

TEST_CASE("the forecasts that need no network have the likelihoods that were measured elsewhere") {
  const auto metrics = numbers_of(kName, {"--model", "none"});
  // By a program in plain Python, with Student's t and its degrees of freedom by golden section.
  CHECK(metrics["dax.nll.constant"] == doctest::Approx(-2.60981).epsilon(2e-5));
  CHECK(metrics["dax.nll.ewma"] == doctest::Approx(-2.82315).epsilon(2e-5));
  CHECK(metrics["smi.nll.ewma"] == doctest::Approx(-2.96220).epsilon(2e-5));
  CHECK(metrics["cac.nll.ewma"] == doctest::Approx(-2.88750).epsilon(2e-5));
  CHECK(metrics["ftse.nll.ewma"] == doctest::Approx(-3.19687).epsilon(2e-5));
  for (const std::string& index : kIndexes) {
    CHECK(metrics[index + ".nll.garch"] < metrics[index + ".nll.constant"]);
    CHECK(metrics[index + ".nll_difference.garch"] ==
          doctest::Approx(metrics[index + ".nll.garch"] - metrics[index + ".nll.ewma"]));
    CHECK(metrics[index + ".nll_difference.garch.standard_error"] > 0.003);
    CHECK(metrics[index + ".coverage"] > 0.85);
    CHECK(metrics[index + ".coverage"] < 0.97);
  }
  CHECK(metrics["days.train"] == 1115);
  CHECK(metrics["days.validation"] == 372);
  CHECK(metrics["days.test"] == 372);
  // What makes the level a trap.
  for (const std::string& index : kIndexes) CHECK(metrics[index + ".r2.constant"] > 0.99);
}

TEST_CASE("a GRU that corrects EWMA forecasts all four indexes better than EWMA and GARCH") {
  const auto metrics = numbers_of(kName, {"--model", "gru", "--seeds", "2", "--epochs", "12"});
  for (const std::string& index : kIndexes) {
    CAPTURE(index);
    CHECK(metrics[index + ".nll.gru"] < metrics[index + ".nll.ewma"]);
    CHECK(metrics[index + ".nll.gru"] < metrics[index + ".nll.garch"]);
    CHECK(metrics[index + ".nll.gru.std"] > 0);
    CHECK(metrics[index + ".nll_difference.gru"] <
          -2 * metrics[index + ".nll_difference.gru.standard_error"]);
  }
}

TEST_CASE("which epoch's parameters are kept, and how good they are, stands among the numbers") {
  const auto metrics = numbers_of(kName, {"--model", "gru", "--epochs", "3", "--seeds", "2"});
  for (const std::string run : {"gru.seed1", "gru.seed2"}) {
    CHECK(metrics[run + ".validation"] < -3.4);
    CHECK(metrics[run + ".epoch"] <= 3);
  }
}
