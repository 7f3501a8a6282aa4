// The smallest form of the experiment on remembering.
#include "tests/examples/run_program.h"

TEST_CASE("gated cells solve longer gaps than the RNN, and equal seeds give equal numbers") {
  const Numbers of = numbers_of("lab/remembering", {"--quick", "--seed", "1"});
  for (const char* task : {"gap", "gap_copy", "gap_adding"}) {
    CAPTURE(task);
    const double rnn = of[fmt::format("remembering.rnn.{}", task)];
    for (const char* gated : {"lstm", "gru"}) {
      CAPTURE(gated);
      CHECK(of[fmt::format("remembering.{}.{}", gated, task)] >= rnn);
    }
  }
  CHECK(of["remembering.gru.gap"] >= 50);
  CHECK(of["remembering.rnn.gap_adding"] < of["remembering.gru.gap_adding"]);
  CHECK(numbers_of("lab/remembering", {"--quick", "--seed", "1"}).same_metrics(of));
}
