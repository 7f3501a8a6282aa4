// The smallest form of the experiment on parity.
#include "tests/examples/run_program.h"

TEST_CASE("parity is learned beyond the length of the training by cells, not by scans") {
  const Numbers of = numbers_of("lab/parity", {"--quick", "--seed", "1"});
  for (const char* kind : {"rnn", "lstm"}) {
    CAPTURE(kind);
    CHECK(of[fmt::format("parity.{}.accuracy", kind)] >= 0.95);
  }
  for (const char* kind : {"mingru", "mamba", "transformer"}) {
    CAPTURE(kind);
    CHECK(of[fmt::format("parity.{}.accuracy", kind)] < 0.7);
    CHECK(of[fmt::format("parity.{}.parameters", kind)] ==
          doctest::Approx(of["parity.rnn.parameters"]).epsilon(0.1));
  }
  // With negative factors, the minGRU learns it.
  CHECK(of["parity.signed-scan.accuracy_trained"] >= 0.95);
}
