// The program representations: trained for a moment on a part of its data.
#include "tests/examples/run_program.h"

#include <cmath>

TEST_CASE("representations shows what bags, one-hot vectors and embeddings keep and cost") {
  const Folder folder;
  const std::string json = folder / "o.json", model = folder / "m";
  const Outcome run =
      run_program("representations", {"--threads", "1", "--limit", "300", "--epochs", "1", "--dim",
                                      "8", "--json", json, "--save", model});
  CAPTURE(run.err);
  REQUIRE(run.code == 0);
  const Numbers numbers(json);
  CHECK(numbers["bag.difference"] == 0);
  CHECK(numbers["one_hot.different_positions"] > 0);
  CHECK(numbers["one_hot.largest_product"] == 0);
  CHECK(numbers["one_hot.distance.min"] == doctest::Approx(std::sqrt(2)));
  CHECK(numbers["one_hot.distance.max"] == doctest::Approx(std::sqrt(2)));
  CHECK(numbers["one_hot.value_difference"] < 1e-5);
  CHECK(numbers["one_hot.gradient_difference"] < 1e-5);
  CHECK(numbers["one_hot.zero_gradient"] > 0.98);
  CHECK(numbers["one_hot.megabytes"] > 10 * numbers["embedding.megabytes"]);
  CHECK(run.out.find("The nearest words") != std::string::npos);

  const std::string words = folder.write("in.txt", "God\nxyzzy\n"), csv = folder / "o.csv";
  REQUIRE(
      run_program("representations", {"--load", model, "--predict", words, "--out", csv}).code ==
      0);
  const std::string rows = unroll::read_file(csv);
  CHECK(rows.rfind("input,nearest,cosine\nGod,", 0) == 0);
  CHECK(rows.find("xyzzy,,\n") != std::string::npos);
}

TEST_CASE("representations refuses a text without words that occur often enough") {
  const Folder folder;
  check_refused("representations", {"--data", folder.write("a.tsv", "text\nonce only\n")},
                "words that occur 5 times was required");
}
