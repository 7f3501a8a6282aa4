// --resume of stock_price: equal to the bit to an uninterrupted run.
#include "tests/examples/run_program.h"

#include <unroll/tensor/safetensors.h>

namespace {

const std::string kName = "stock_price";

}  // namespace

TEST_CASE("a resumed run of several seeds equals an uninterrupted one") {
  const Folder folder;
  const std::string half = folder / "half", whole = folder / "whole";
  const auto run = [](std::vector<std::string> arguments) { return numbers_of(kName, arguments); };
  const Numbers uninterrupted =
      run({"--model", "gru", "--seeds", "2", "--epochs", "4", "--save", whole});
  run({"--model", "gru", "--seeds", "2", "--epochs", "2", "--save", half});
  // Model, seeds and data are those of the run.
  CHECK(uninterrupted.same_metrics(run({"--resume", half, "--epochs", "4", "--save", half})));
  unroll::Metadata a, b;
  const unroll::NamedTensors one = unroll::load_safetensors(whole, &a),
                             two = unroll::load_safetensors(half, &b);
  REQUIRE(one.size() == two.size());
  for (const auto& entry : one)
    CHECK_MESSAGE(entry.second.to_vector<double>() == two.at(entry.first).to_vector<double>(),
                  entry.first);
  // A seed that the first run did not reach is trained.
  run({"--model", "gru", "--seeds", "1", "--epochs", "4", "--save", half});
  CHECK(uninterrupted.same_metrics(run({"--resume", half, "--seeds", "2"})));
}

TEST_CASE("stock_price goes on after Ctrl-C, and refuses to resume what does not fit") {
  const Folder folder;
  const std::string file = folder / "model";
  const Outcome stopped = interrupt_training(kName, {"--model", "rnn", "--seeds", "1"}, file);
  CHECK(stopped.code == 128 + SIGINT);
  REQUIRE(std::filesystem::exists(file));
  unroll::Metadata metadata;
  (void)unroll::load_safetensors(file, &metadata);
  CHECK(metadata.contains("resume.planned"));
  check_refused(kName, {"--resume", file, "--seed", "5"}, "--seed 5");
  check_refused(kName, {"--resume", file, "--epochs", "1", "--model", "gru"},
                "\"gru\" was required");
  check_refused(kName, {"--resume", file, "--model", "none"}, "--resume");
  check_refused(kName, {"--resume", folder.write("other", "xyz")}, "other");
}
