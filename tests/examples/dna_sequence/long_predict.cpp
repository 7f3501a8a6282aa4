// A trained model is asked about new sequences.
#include "tests/examples/dna_sequence/sequences.h"

#include <unroll/data/table/csv.h>

#include <cmath>

namespace {

const std::string kName = "dna_sequence";

}  // namespace

TEST_CASE("--predict gives a line for each sequence, whose probabilities sum to 1") {
  const Folder folder;
  unroll::Generator g(2);
  std::string fasta, table = "id\tx\n", plain, fastq;
  for (int i = 0; i < 10; ++i) {
    const std::string s = sequence(g, 30, i % 2 ? "CCCCCCCCCCCC" : "GTAAGTGTAAGT"),
                      name = fmt::format("seq {}{}", i, i == 3 ? ", \"quoted\"" : "");
    fasta += fmt::format(">{}\n{}\n", name, s);
    fastq += fmt::format("@{}\n{}\n+\n{}\n", name, s, std::string(s.size(), '#'));
    table += fmt::format("\"{}\"\t{}\n", i == 3 ? "seq 3, \"\"quoted\"\"" : name, s);
    plain += s + "\n";
  }
  for (const std::string model : {"motifs", "junction", "attention"}) {
    const std::string file = trained(folder, model);
    const auto predict = [&](const std::string& input, const std::vector<std::string>& more = {}) {
      std::vector<std::string> words{"--load", file, "--predict", input};
      words.insert(words.end(), more.begin(), more.end());
      const Outcome result = run_program(kName, words);
      REQUIRE_MESSAGE(result.code == 0, result.err);
      CHECK(result.err.find("10 sequences by " + model) != std::string::npos);
      return result.out;
    };
    const std::string expected = predict(folder.write("new.fa", fasta));
    const auto out = unroll::data::parse_csv(expected);
    CHECK(out.names() == std::vector<std::string>{"name", "class", "a,b", "c"});
    REQUIRE(out.rows() == 10);
    int right = 0;
    for (std::size_t i = 0; i < 10; ++i) {
      const double a = out.numbers("a,b")[i], c = out.numbers("c")[i];
      CHECK(a + c == doctest::Approx(1).epsilon(1e-5));
      CHECK(out.cell(i, 1) == (a > c ? "a,b" : "c"));
      right += out.cell(i, 1) == (i % 2 ? "c" : "a,b");
    }
    CHECK(right >= 9);
    CHECK(out.cell(3, 0) == "seq 3, \"quoted\"");
    if (model != "motifs") continue;
    CHECK(predict(folder.write("any name", fastq)) == expected);
    CHECK(predict(folder.write("new.tsv", table)) == expected);
    CHECK(unroll::data::parse_csv(predict(folder.write("plain", plain))).strings("c") ==
          out.strings("c"));
    // One by one as all together.
    const auto one = unroll::data::parse_csv(
        run_program(kName, {"--load", file, "--predict",
                            folder.write("one.fa", fasta.substr(0, fasta.find('>', 1)))})
            .out);
    CHECK(one.strings("a,b")[0] == out.strings("a,b")[0]);
    // Either strand of a sequence has the same mean over both.
    CHECK(predict(folder / "new.fa", {"--both-strands"}) != expected);
    // To a file; the notice then goes to standard output.
    const Outcome to_file = run_program(
        kName, {"--load", file, "--predict", folder / "new.fa", "--out", folder / "out.csv"});
    CHECK(to_file.code == 0);
    CHECK(unroll::read_file(folder / "out.csv") == expected);
    CHECK(to_file.out.find("10 sequences by motifs") != std::string::npos);
  }
}
