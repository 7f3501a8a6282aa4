// --resume of dna_sequence: equal to the bit to an uninterrupted run.
#include "tests/examples/dna_sequence/sequences.h"

#include <unroll/tensor/safetensors.h>

namespace {

const std::string kName = "dna_sequence";

}  // namespace

TEST_CASE("a run that Ctrl-C stopped goes on, and equals an uninterrupted one") {
  const Folder folder;
  const std::string promoters = UNROLL_SOURCE_DIR "/data/samples/promoter.tsv";
  for (const std::string model : {"junction", "attention", "motifs"}) {
    CAPTURE(model);
    const std::string file = folder / model, whole = folder / (model + "-whole");
    const std::vector<std::string> common{"--data",   promoters, "--model",   model,
                                          "--epochs", "40",      "--threads", "1"};
    const auto with = [&](const std::vector<std::string>& more) {
      std::vector<std::string> out = common;
      out.insert(out.end(), more.begin(), more.end());
      return out;
    };
    const Numbers uninterrupted = numbers_of(kName, with({"--save", whole}));
    // Stopped in the middle; how long that takes depends on the machine.
    Outcome stopped;
    for (int after = 100; after < 20000 && !std::filesystem::exists(file); after += after / 2)
      stopped = run_program(kName, with({"--save", file}), after);
    REQUIRE(std::filesystem::exists(file));
    CHECK(uninterrupted.same_metrics(numbers_of(kName, {"--resume", file, "--save", file})));
    const unroll::NamedTensors one = unroll::load_safetensors(whole),
                               two = unroll::load_safetensors(file);
    REQUIRE(one.size() == two.size());
    for (const auto& entry : one)
      CHECK_MESSAGE(entry.second.to_vector<double>() == two.at(entry.first).to_vector<double>(),
                    entry.first);
    // What was finished stays as it is.
    CHECK(uninterrupted.same_metrics(numbers_of(kName, {"--resume", whole})));
    check_refused(kName, {"--resume", file, "--epochs", "50"},
                  "--epochs: the 40 of the resumed run were required");
  }
  check_refused(kName, {"--resume", folder / "junction", "--model", "motifs"},
                "a run of motifs with the classes");
}
