// Sequences of a hundred thousand bases.
#include "tests/examples/dna_sequence/sequences.h"

#include <sys/resource.h>

#include <cmath>

namespace {

const std::string kName = "dna_sequence";

}  // namespace

TEST_CASE("very long sequences are trained on and asked about in bounded memory") {
  const Folder folder;
  unroll::Generator g(3);
  for (const std::string name : {"a", "b"}) {
    std::string text;
    for (int i = 0; i < 12; ++i) {
      text += ">x\n";
      for (int k = 0; k < 100'000 / 4; ++k)
        text += g.below(20) > 0 ? sequence(g, 4, "") : name == "a" ? "TATA" : "GCGC";
      text += "\n";
    }
    folder.write(name + ".fa", text);
  }
  rusage before{}, after{};
  getrusage(RUSAGE_CHILDREN, &before);
  for (const char* model : {"motifs", "junction"}) {
    const auto metrics = numbers_of(kName, {"--fasta", folder / "a.fa", "--fasta", folder / "b.fa",
                                            "--epochs", "1", "--model", model, "--threads", "1"});
    CHECK(metrics[std::string("accuracy.") + model] >= 0);
  }
  getrusage(RUSAGE_CHILDREN, &after);
  CHECK(after.ru_maxrss < 1'000'000);  // KB; 8 GB for four times as many, before
}
