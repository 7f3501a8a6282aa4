// Ctrl-C while strokes trains: what was learned so far is saved, and can be used and resumed.
#include "tests/examples/run_program.h"
#include "tests/examples/strokes/scribbles.h"

#include <csignal>

TEST_CASE("strokes saves what it has learned when it is interrupted") {
  const Folder folder;
  const std::string model = folder / "model", data = folder.write("d", pairs_file(300));
  const Outcome stopped = interrupt_training(
      "strokes", {"--task", "shuffled", "--data", data, "--hidden", "64"}, model);
  CHECK(stopped.code == 128 + SIGINT);
  CHECK(stopped.err.find("interrupted") != std::string::npos);
  CHECK(stopped.cpu_after_interrupt < 1);
  const Outcome asked = run_program("strokes", {"--load", model, "--test", data});
  CAPTURE(asked.err);
  CHECK(asked.code == 0);
}
