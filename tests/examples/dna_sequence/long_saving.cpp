#include "tests/examples/dna_sequence/sequences.h"

namespace {

const std::string kName = "dna_sequence";

}  // namespace

TEST_CASE("a saved model gives the same numbers when it is loaded, whatever the seed") {
  const Folder folder;
  const std::string promoters = UNROLL_SOURCE_DIR "/data/samples/promoter.tsv",
                    file = folder / "model.safetensors";
  for (const std::string model : {"junction", "attention", "motifs"}) {
    const auto saved =
        numbers_of(kName, {"--data", promoters, "--epochs", "3", "--model", model, "--save", file});
    // What it was trained on is known by the sequences, not by the split.
    for (const char* seed : {"1", "2"})
      CHECK(saved.same_metrics(
          numbers_of(kName, {"--data", promoters, "--load", file, "--seed", seed})));
  }
  CHECK(folder.files() == std::vector<std::string>{"model.safetensors"});
  check_refused(kName, {"--data", promoters, "--model", "junction", "--load", file},
                "a model with model \"junction\" was required: got \"motifs\"");
  check_refused(kName, {"--load", file},
                "a model that knows the classes \"n, ei, ie\" was required: got one of \"+, -\"");
  check_refused(kName, {"--folds", "10", "--model", "junction", "--save", file}, "--folds 10");
  check_refused(kName, {"--save", file}, "--save: one model was required: add --model");
  check_refused(kName, {"--load", folder.write("garbage", "xyz")}, "garbage");
}

TEST_CASE("a model is only tested on what it was not trained on, in whatever file that stands") {
  const Folder folder;
  const std::string a = folder.write("a.fa", fasta(60, 20, 40, "ACGT", "GTAAGT", 1)),
                    b = folder.write("b.fa", fasta(60, 20, 40, "ACGT", "CCCCCC", 2)),
                    file = folder / "model.safetensors";
  const auto first = numbers_of(
      kName, {"--fasta", a, "--fasta", b, "--epochs", "5", "--model", "motifs", "--save", file});
  // The same sequences under the same class names, in another order and with new ones.
  std::filesystem::create_directory(folder / "new");
  const std::string more_a = folder.write(
                        "new/a.fa", fasta(30, 20, 40, "ACGT", "GTAAGT", 5) + unroll::read_file(a)),
                    more_b = folder.write("new/b.fa", unroll::read_file(b));
  const Outcome result = run_program(kName, {"--fasta", more_b, "--fasta", more_a, "--load", file});
  CHECK(result.code == 0);
  CHECK(result.out.find("The model was trained on 102 of them, which do not test.") !=
        std::string::npos);
  CHECK(result.out.find("48 sequences that were not trained on") != std::string::npos);
  // New ones alone: no baseline could learn from them.
  const std::string new_a = folder.write("new/a.fa", fasta(30, 20, 40, "ACGT", "GTAAGT", 5)),
                    new_b = folder.write("new/b.fa", fasta(30, 20, 40, "ACGT", "CCCCCC", 6));
  const auto alone = numbers_of(kName, {"--fasta", new_b, "--fasta", new_a, "--load", file});
  CHECK(alone["accuracy.motifs"] > 0.8);
  CHECK_FALSE(alone.contains("accuracy.majority"));
}
