#include "tests/examples/run_program.h"

#include <unroll/tensor/safetensors.h>

#include <cmath>

namespace {

const std::string kName = "stock_price";

}  // namespace

TEST_CASE("Ctrl-C saves the model so far, prints what is finished and leaves at once") {
  const Folder folder;
  const std::string file = folder / "gru.safetensors";
  const Outcome result =
      interrupt_training(kName, {"--model", "gru", "--json", folder / "numbers.json"}, file);
  CHECK(result.code == 130);
  CHECK(result.cpu_after_interrupt < 5);
  CHECK(result.out.find("ewma") != std::string::npos);
  CHECK(result.err.find("interrupted") != std::string::npos);
  CHECK(folder.files() == std::vector<std::string>{"gru.safetensors"});
  CHECK(run_program(kName, {"--model", "gru", "--load", file}).code == 0);
}

TEST_CASE("a program that is told to end does so as at Ctrl-C") {
  for (const int signal : {SIGTERM, SIGHUP}) {
    const Folder folder;
    const std::string file = folder / "gru.safetensors";
    const Outcome result = interrupt_training(kName, {"--model", "gru"}, file, signal);
    CHECK(result.code == 128 + signal);
    CHECK(result.err.find("interrupted") != std::string::npos);
    CHECK(result.out.find("Model: " + file) != std::string::npos);
    CHECK(run_program(kName, {"--model", "gru", "--load", file}).code == 0);
  }
}
