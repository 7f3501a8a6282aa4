#include "examples/common/predictions.h"
#include "tests/examples/run_program.h"

#include <unroll/tensor/random.h>

#include <set>

TEST_CASE("batches have every example once, near lengths together, and bounded sizes") {
  unroll::Generator g(1);
  for (int trial = 0; trial < 50; ++trial) {
    std::vector<unroll::Index> lengths;
    for (unroll::Index i = g.below(60); i > 0; --i) lengths.push_back(g.below(40));
    const program::BatchLimits limits{.examples = 1 + g.below(9), .rows = 1 + g.below(90)};
    std::set<unroll::Index> all;
    unroll::Index longest = 0;
    for (const auto& batch : program::batches_by_length(lengths, limits)) {
      unroll::Index rows = 0;
      CHECK(batch.size() <= static_cast<std::size_t>(limits.examples));
      for (const unroll::Index i : batch) {
        CHECK(all.insert(i).second);
        const unroll::Index length = lengths[static_cast<std::size_t>(i)];
        CHECK(length >= longest);
        longest = length, rows += length;
      }
      CHECK((rows <= limits.rows || batch.size() == 1));
    }
    CHECK(all.size() == lengths.size());
    // Results come back in the order of the examples.
    const auto results = program::in_batches(
        lengths,
        [&](const std::vector<unroll::Index>& batch) {
          std::vector<unroll::Index> out;
          for (const unroll::Index i : batch) out.push_back(10 * i + 1);
          return out;
        },
        limits);
    for (std::size_t i = 0; i < lengths.size(); ++i)
      CHECK(results[i] == 10 * static_cast<unroll::Index>(i) + 1);
  }
}

TEST_CASE("probabilities are the rows of a softmax, and refuse what is not finite") {
  const auto p = program::probabilities_of(unroll::Tensor::of({{0, 0}, {std::log(3.0), 0}}));
  CHECK(p[0][0] == doctest::Approx(0.5));
  CHECK(p[1][0] == doctest::Approx(0.75));
  CHECK(program::best_of(p[1]) == 0);
  CHECK_THROWS_AS(program::probabilities_of(unroll::Tensor::full({1, 2}, std::nan(""))),
                  std::runtime_error);
}

TEST_CASE("a file of predictions is CSV that is written as a whole") {
  const Folder folder;
  program::Options options;
  options.out = folder / "out.csv";
  program::PredictionFile file(options, {"input", "class"});
  file.row({"a, \"b\"", "x"});
  CHECK(folder.files().empty());
  file.end("1 input by test");
  CHECK(unroll::read_file(options.out) == "input,class\n\"a, \"\"b\"\"\",x\n");
  CHECK_THROWS_AS(file.row({"too few"}), std::invalid_argument);
}
