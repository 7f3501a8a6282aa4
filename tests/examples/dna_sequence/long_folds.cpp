// Folds that are interrupted.
#include "tests/examples/run_program.h"

TEST_CASE("folds that were finished before Ctrl-C are compared on the same sequences") {
  for (int after = 1000; after < 60000; after *= 2) {
    const Outcome result = run_program("dna_sequence",
                                       {"--data", UNROLL_SOURCE_DIR "/data/samples/promoter.tsv",
                                        "--folds", "20", "--epochs", "40", "--threads", "1"},
                                       after);
    if (result.code == 0) break;  // it was quicker
    const std::size_t at = result.out.find(" of 20 folds are finished");
    if (at == std::string::npos) continue;  // it was too early
    CHECK(result.code == 130);
    // All that is tested stands in the matrix of every model that is shown.
    const std::string folds =
        result.out.substr(result.out.rfind('\n', at) + 1, at - result.out.rfind('\n', at) - 1);
    const int done = std::stoi(folds);
    CHECK(done >= 1);
    const std::size_t all = result.out.find(" sequences that were not trained on");
    REQUIRE(all != std::string::npos);
    const int tested = std::stoi(result.out.substr(result.out.rfind('\n', all) + 1));
    CHECK(tested >= 5 * done);
    CHECK(tested <= 6 * done);
    break;
  }
}
