#include "tests/examples/dna_sequence/sequences.h"

namespace {

const std::string kName = "dna_sequence";

}  // namespace

TEST_CASE("Ctrl-C saves the model so far, prints what is finished and leaves at once") {
  const Folder folder;
  const std::string file = folder / "model.safetensors";
  const Outcome result =
      interrupt_training(kName, {"--model", "junction", "--json", folder / "numbers.json"}, file);
  CHECK(result.code == 130);
  CHECK(result.out.find("naive_bayes") != std::string::npos);
  CHECK(result.err.find("interrupted") != std::string::npos);
  CHECK(folder.files() == std::vector<std::string>{"model.safetensors"});
  CHECK(run_program(kName, {"--model", "junction", "--load", file}).code == 0);
}
