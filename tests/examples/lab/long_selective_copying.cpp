// The smallest form of the experiment on selection.
#include "tests/examples/run_program.h"

TEST_CASE("a scan with selection copies from random places, a time-invariant one from fixed ones") {
  const Numbers of = numbers_of("lab/selective_copying", {"--quick", "--seed", "1"});
  for (const char* kind : {"mamba", "gru"}) {
    CAPTURE(kind);
    CHECK(of[fmt::format("selective_copying.{}.accuracy", kind)] >= 0.95);
    CHECK(of[fmt::format("selective_copying.{}.induction", kind)] >= 0.95);
    CHECK(of[fmt::format("selective_copying.{}.induction_longer", kind)] >= 0.9);
  }
  CHECK(of["selective_copying.lru.fixed"] >= 0.95);
  CHECK(of["selective_copying.lru.accuracy"] < 0.9);
  CHECK(of["selective_copying.lru.induction"] < 0.6);
}
