// The experiment `sharing` in its smallest form.
#include "tests/examples/run_program.h"

TEST_CASE("sharing: shared parameters are fewer, learn from fewer examples and read new lengths") {
  const Numbers n = numbers_of("lab/sharing", {"--quick", "--seed", "1", "--threads", "1"});
  const double shared = n["sharing.shared.parameters"], separate = n["sharing.separate.parameters"];
  CHECK(shared == 5 * 32 + 32 * 32 + 32 + 33 * 4);
  CHECK(separate == 16 * (5 * 32 + 32 * 32 + 32) + 33 * 4);
  CHECK(n["sharing.shared.accuracy"] > 0.9);
  if (n.contains("sharing.separate.examples_needed"))
    CHECK(n["sharing.shared.examples_needed"] <= n["sharing.separate.examples_needed"]);
  CHECK(n["sharing.shared.accuracy_long"] > 0.9);
  CHECK(n["sharing.separate.accuracy_long"] < 0.5);
  CHECK(n["sharing.shared.accuracy_between"] > 0.8);
  CHECK(n["sharing.separate.accuracy_between"] < 0.5);
  CHECK(n["sharing.separate.accuracy_later"] < 0.5);
}
