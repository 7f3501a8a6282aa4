#include "tests/examples/dna_sequence/sequences.h"

namespace {

const std::string kName = "dna_sequence";

}  // namespace

TEST_CASE("the same seed gives the same numbers, whatever the number of threads") {
  const std::string promoters = UNROLL_SOURCE_DIR "/data/samples/promoter.tsv";
  const auto one = numbers_of(kName, {"--data", promoters, "--epochs", "3", "--threads", "1"}),
             two = numbers_of(kName, {"--data", promoters, "--epochs", "3", "--threads", "2"});
  CHECK(one.program == kName);
  CHECK(one.same_metrics(two));
  CHECK(one["sequences.used"] == 106);
  for (const char* model :
       {"majority", "naive_bayes", "kmer", "markov", "junction", "attention", "motifs", "together"})
    for (const char* metric : {"accuracy.", "macro_f1.", "mcc.", "auc.", "sensitivity."})
      CHECK(one.contains(std::string(metric) + model));
  CHECK(one.contains("confusion.junction.+.-"));
  CHECK(one["junction.fold1.epoch"] == 3);
  CHECK(one["attention.fold1.validation"] > 0);
}
