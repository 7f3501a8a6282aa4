// A trained model is asked about new sequences.
#include "tests/examples/run_program.h"

#include <unroll/data/table/csv.h>
#include <unroll/tensor/random.h>

#include <sys/resource.h>

#include <cmath>

namespace {

const std::string kName = "dna_sequence";

std::string sequence(unroll::Generator& g, unroll::Index length, const std::string& motif) {
  std::string s;
  while (static_cast<unroll::Index>(s.size()) < length)
    s += "ACGT"[static_cast<std::size_t>(g.below(4))];
  s.insert(s.size() / 2, motif);
  return s;
}

// A model of the classes "a,b" (with GTAAGTGTAAGT) and "c" (with CCCCCCCCCCCC).
std::string trained(const Folder& folder, const std::string& model) {
  unroll::Generator g(1);
  std::string text = "class;dna\n";
  for (int i = 0; i < 80; ++i)
    text += i % 2 ? "c;" + sequence(g, 20 + g.below(20), "CCCCCCCCCCCC") + "\n"
                  : "a,b;" + sequence(g, 20 + g.below(20), "GTAAGTGTAAGT") + "\n";
  const std::string file = folder / model;
  const Outcome result = run_program(
      kName, {"--data", folder.write("train.csv", text), "--model", model, "--save", file});
  REQUIRE_MESSAGE(result.code == 0, result.err);
  return file;
}

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

TEST_CASE("--predict says what it left out and what the model knows already") {
  const Folder folder;
  const std::string file = trained(folder, "motifs");
  const Outcome known = run_program(kName, {"--load", file, "--predict", folder / "train.csv"});
  CHECK(known.code == 0);
  CHECK(known.err == "80 sequences by motifs; 68 of them the model was trained on.\n");
  const Outcome gaps = run_program(
      kName,
      {"--load", file, "--predict", folder.write("gaps.fa", ">a\n>b\nACGTN\n>c\n\n>d\nn\n")});
  CHECK(gaps.code == 0);
  CHECK(gaps.err == "2 sequences by motifs; 2 records without a sequence left out.\n");
  CHECK(std::count(gaps.out.begin(), gaps.out.end(), '\n') == 3);
}

TEST_CASE("--predict refuses what it cannot answer") {
  const Folder folder;
  const std::string file = trained(folder, "junction"), input = folder.write("x.fa", ">a\nACGT\n");
  check_refused(kName, {"--predict", input}, "--predict: a model was required: add --load FILE");
  check_refused(kName, {"--predict", input, "--load", file, "--save", folder / "y"},
                "--save: a model to train was required: got --load");
  for (const std::string option : {"--data", "--json", "--pictures"})
    check_refused(kName, {"--predict", input, "--load", file, option, folder / "y"},
                  option + ": a model to train or to test was required: got --predict");
  check_refused(kName, {"--predict", input, "--load", file, "--out", input},
                "--out: a file that no");
  check_refused(kName, {"--predict", input, "--load", file, "--out", folder / "no/x"},
                "--out: a file that can be written was required");
  check_refused(kName, {"--predict", input, "--load", input}, "x.fa");
  check_refused(kName, {"--predict", folder / "none.fa", "--load", file},
                "none.fa: cannot be opened");
  check_refused(kName, {"--predict", folder.write("e.fa", ">a\n>b\n"), "--load", file},
                "e.fa: at least one sequence was required: got none");
  check_refused(kName, {"--predict", input, "--load", file, "--model", "motifs"},
                "a model with model \"motifs\" was required: got \"junction\"");
  CHECK(unroll::read_file(input) == ">a\nACGT\n");
}

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
