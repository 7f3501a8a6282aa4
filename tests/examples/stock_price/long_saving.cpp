#include "tests/examples/run_program.h"

#include <unroll/tensor/safetensors.h>

#include <cmath>

namespace {

const std::string kName = "stock_price";

}  // namespace

TEST_CASE("a saved model gives the same numbers when it is loaded, and no other is taken for it") {
  const Folder folder;
  const std::string file = folder / "lstm.safetensors";
  const auto saved = numbers_of(kName, {"--model", "lstm", "--epochs", "2", "--save", file}),
             loaded = numbers_of(kName, {"--model", "lstm", "--load", file});
  CHECK(saved.same_metrics(loaded));
  CHECK(folder.files() == std::vector<std::string>{"lstm.safetensors"});

  check_refused(kName, {"--model", "gru", "--load", file},
                "a model with model \"gru\" was required: got \"lstm\"");
  check_refused(kName, {"--model", "lstm", "--load", file, "--columns", "SMI,DAX,CAC,FTSE"},
                "columns \"SMI, DAX, CAC, FTSE\" was required: got \"DAX, SMI, CAC, FTSE\"");
  check_refused(kName, {"--model", "lstm", "--load", folder / "absent"}, "absent");
  check_refused(kName, {"--model", "lstm", "--load", folder.write("garbage", "not a model")},
                "garbage");
  CHECK(saved.same_metrics(numbers_of(kName, {"--load", file})));  // the file says which model
  check_refused(kName, {"--save", file}, "add --model");
}

TEST_CASE("a model that is damaged is no model") {
  const Folder folder;
  const std::string file = folder / "gru.safetensors";
  REQUIRE(run_program(kName, {"--model", "gru", "--seeds", "1", "--epochs", "1", "--save", file})
              .code == 0);
  unroll::Metadata metadata;
  const unroll::NamedTensors good = unroll::load_safetensors(file, &metadata);
  const auto refused = [&](const unroll::NamedTensors& tensors, const std::string& words) {
    unroll::save_safetensors(file, tensors, metadata);
    check_refused(kName, {"--model", "gru", "--load", file}, words);
  };
  auto bad = good;
  bad.at("network.head.bias") =
      unroll::Tensor::full(bad.at("network.head.bias").shape(), std::nan(""));
  refused(bad, "finite values were required in \"network.head.bias\"");
  bad.at("network.head.bias") = good.at("network.head.bias");
  bad.at("fitted") = unroll::Tensor::full(bad.at("fitted").shape(), -3, unroll::f64);
  refused(bad, "forecasts that are finite were required");
  bad.at("fitted") = good.at("fitted");
  bad.at("network.head.bias") = unroll::Tensor::zeros({3});
  refused(bad, "\"network.head.bias\" has the shape [3] where [8] is required");
  bad.erase("network.head.bias");
  refused(bad, "\"network.head.bias\" [8] is missing");
  metadata["validation"] = "low";
  refused(good, "a number was required for \"validation\": got \"low\"");
}

TEST_CASE("a model of several seeds is saved with all of them, and predicts by their mixture") {
  const Folder folder;
  const std::string three = folder / "three", one = folder / "one";
  const std::string sample = UNROLL_SOURCE_DIR "/data/samples/eustockmarkets.csv";
  const std::vector<std::string> gru{"--model", "gru", "--epochs", "2", "--seed", "7"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), gru.begin(), gru.end());
    return more;
  };
  const auto saved = numbers_of(kName, with({"--save", three})),
             loaded = numbers_of(kName, {"--load", three});
  CHECK(saved.same_metrics(loaded));
  CHECK(saved.same_metrics(numbers_of(kName, gru)));  // what is saved is what is shown
  for (const char* seed : {"7", "8", "9"})
    CHECK(loaded.contains(fmt::format("gru.seed{}.epoch", seed)));
  REQUIRE(run_program(kName, with({"--seeds", "1", "--save", one})).code == 0);
  const auto predicted = [&](const std::string& model) {
    const Outcome result = run_program(kName, {"--load", model, "--predict", sample});
    CHECK_MESSAGE(result.code == 0, result.err);
    return result.out;
  };
  CHECK(predicted(three) != predicted(one));

  // A file of one seed, as earlier versions wrote it, is read as before.
  unroll::Metadata metadata;
  const unroll::NamedTensors tensors = unroll::load_safetensors(one, &metadata);
  CHECK(tensors.contains("network.head.bias"));
  const std::string before = predicted(one);
  metadata.erase("seeds"), metadata.erase("first_seed");
  unroll::save_safetensors(one, tensors, metadata);
  CHECK(predicted(one) == before);

  for (const char* seeds : {"0", "4", "x", "101"}) {
    unroll::Metadata other;
    const unroll::NamedTensors all = unroll::load_safetensors(three, &other);
    other["seeds"] = seeds;
    unroll::save_safetensors(one, all, other);
    const Outcome result = run_program(kName, {"--load", one, "--predict", sample});
    CHECK(result.code == 2);
  }
}
