// What languages saves if Ctrl-C stops the training of its GRU.
#include "tests/examples/run_program.h"

#include <unroll/tensor/safetensors.h>

TEST_CASE("a model of languages that Ctrl-C stopped has a fitted mixture, and can be applied") {
  const Folder folder;
  const std::string file = folder / "model";
  const Outcome stopped =
      interrupt_training("languages", {"--limit", "10", "--hidden", "8", "--snippets", "1"}, file);
  CHECK(stopped.code == 128 + SIGINT);
  REQUIRE(std::filesystem::exists(file));
  const unroll::NamedTensors values = unroll::load_safetensors(file);
  const unroll::Tensor weights = values.at("mixture.weights");  // [2, 6]; at first 1/6 and 0
  double moved = 0;
  for (unroll::Index k = 0; k < weights.size(1); ++k)
    moved += std::abs(weights.at({0, k}) - 1.0 / 6) + std::abs(weights.at({1, k}));
  CHECK(moved > 0.1);
  const Outcome applied =
      run_program("languages", {"--load", file, "--text", "The right to life and liberty"});
  CHECK(applied.code == 0);
  CHECK(applied.out.find("eng") != std::string::npos);
}
