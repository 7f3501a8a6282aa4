#include "tests/examples/dna_sequence/sequences.h"

namespace {

const std::string kName = "dna_sequence";

}  // namespace

TEST_CASE("classes of one's own: any lengths, ambiguity letters, either strand") {
  const Folder folder;
  const std::string a = folder.write("a.fa", fasta(60, 1, 90, "ACGTN", "GTAAGT", 1)),
                    b = folder.write("b b.fasta", fasta(60, 1, 90, "ACGTRYKM", "CCCCCC", 2) +
                                                      ">short\nA\n>rna\nACGUU\n");
  const auto metrics =
      numbers_of(kName, {"--fasta", a, "--fasta", b, "--epochs", "30", "--reverse-complement"});
  CHECK(metrics["sequences.used"] == 122);
  CHECK_FALSE(metrics.contains("accuracy.naive_bayes"));  // positions mean nothing here
  CHECK(metrics.contains("confusion.junction.a.b_b"));
  CHECK(metrics["accuracy.junction"] > 0.7);
  CHECK(metrics["accuracy.motifs"] > 0.7);
  CHECK(numbers_of(kName,
                   {"--fasta", a, "--fasta", b, "--folds", "3", "--epochs", "1", "--both-strands"})
            .contains("accuracy.attention"));
}

TEST_CASE("files with too few sequences or classes are refused") {
  const Folder folder;
  const std::string a = folder.write("a.fa", fasta(30, 5, 30, "ACGT", "GT", 1)),
                    b = folder.write("b.fa", fasta(30, 5, 30, "ACGT", "CC", 2)),
                    few = folder.write("few.fa", fasta(3, 5, 30, "ACGT", "AA", 3));
  check_refused(kName, {"--fasta", a}, "a file for each of at least 2 classes was required: got 1");
  check_refused(kName, {"--fasta", a, "--fasta", a}, "got " + a + " twice");
  check_refused(kName, {"--fasta", a, "--fasta", folder / "./a.fa"}, "a.fa twice");
  check_refused(kName, {"--fasta", a, "--fasta", folder.write("same.fa", unroll::read_file(a))},
                "got 0, as of 60 there are 30 repeats, 0 empty and 30 under two classes");
  check_refused(kName, {"--fasta", a, "--fasta", few},
                "at least 5 different sequences of class \"few\"");
  check_refused(kName,
                {"--fasta", few, "--fasta", folder.write("more.fa", fasta(8, 9, 9, "AC", "", 4))},
                "at least 20 different sequences were required: got");
  check_refused(kName, {"--fasta", a, "--fasta", folder.write("empty.fa", "")}, "empty.fa");
  // The same sequences under another class have no right predicted, so none of that class remains.
  check_refused(
      kName, {"--fasta", a, "--fasta", b, "--fasta", folder.write("copy.fa", unroll::read_file(b))},
      "class \"b\" that no other class has were required: got 0");
  check_refused(kName, {"--fasta", a, "--fasta", folder.write("x.fa", ">x\nACGT\nACXT\n")},
                "x.fa:3: letters of DNA were required");
  check_refused(kName, {"--fasta", a, "--fasta", folder / "absent.fa"}, "absent.fa");
  check_refused(kName, {"--data", folder.write("t.tsv", "class\tsequence\nx\tACGT\ny\tAC!T\n")},
                "t.tsv:3: ");
  check_refused(kName, {"--data", folder.write("t.tsv", "class\tsequence\n\tACGT\n")},
                "t.tsv:2: a class was required: got an empty name");
  check_refused(kName, {"--data", folder.write("t.tsv", "class\tsequence\tclass\nx\tA\ty\n")},
                "one column with the classes was required: got class, class");
  check_refused(kName, {"--data", a, "--fasta", a}, "--data: a run without --fasta was required");
  check_refused(kName, {"--folds", "0"}, "--folds");
}

TEST_CASE(
    "class names are printed without control characters, and refused if they cannot be saved") {
  const Folder folder;
  const auto table = [&](const std::string& name) {
    std::string text = "class\tsequence\n";
    for (int i = 1; i <= 20; ++i)
      text += fmt::format("{}\t{}\nb\t{}\n", name, std::string(i, 'A'), std::string(i, 'C'));
    return folder.write("table.tsv", text);
  };
  const Outcome result =
      run_program(kName, {"--data", table("\033[31ma"), "--epochs", "1", "--model", "junction"});
  CHECK(result.code == 0);
  check_plain(result.out);
  CHECK(result.out.find("classes \\x1B[31ma, b") != std::string::npos);
  CHECK(result.out.find("naive_bayes is left out") != std::string::npos);
  // A table in Latin-1 is read as such; the name of a file need not be any text.
  CHECK(run_program(kName, {"--data", table("\xE9"), "--epochs", "1", "--model", "junction",
                            "--save", folder / "m.safetensors"})
            .code == 0);
  const std::string odd = folder.write("\xE9.fa", fasta(30, 5, 30, "ACGT", "GT", 1)),
                    b = folder.write("b.fa", fasta(30, 5, 30, "ACGT", "CC", 2));
  check_refused(
      kName,
      {"--fasta", odd, "--fasta", b, "--model", "junction", "--save", folder / "n.safetensors"},
      "--save: classes in UTF-8 were required");
  CHECK_FALSE(std::filesystem::exists(folder / "n.safetensors"));
}

TEST_CASE("options without effect are refused, and outputs that would overwrite inputs") {
  const Folder folder;
  const std::string a = folder.write("a.fa", fasta(30, 5, 30, "ACGT", "GT", 1)),
                    b = folder.write("b.fa", fasta(30, 5, 30, "ACGT", "CC", 2));
  check_refused(kName, {"--origin", "5"}, "--origin: --pictures was required");
  check_refused(kName, {"--out", "x"}, "--out: predictions were required: add --predict FILE");
  for (const std::string option : {"--epochs", "--pictures", "--save", "--load"})
    check_refused(kName, {"--model", "none", option, "1"},
                  option + ": a model to train or to load was required");
  check_refused(kName, {"--model", "junction", "--load", "x", "--reverse-complement"},
                "--reverse-complement: a model to train was required: got --load");
  check_refused(kName, {"--reverse-complement=5"}, "reverse-complement");
  check_refused(kName, {"--fasta", a, "--fasta", b, "--json", b},
                "--json: a file that no other option names was required");
  CHECK(folder.files() == std::vector<std::string>{"a.fa", "b.fa"});
}

TEST_CASE("what goes into a pipe is plain text; the picture is whole") {
  const Folder folder;
  const Outcome result =
      run_program(kName, {"--data", UNROLL_SOURCE_DIR "/data/samples/promoter.tsv", "--epochs", "1",
                          "--pictures", folder / "pictures"});
  REQUIRE(result.code == 0);
  CHECK(result.err.empty());
  check_plain(result.out);
  if (result.out.find("No picture") == std::string::npos)
    CHECK(unroll::read_file(folder / "pictures/dna_attention.png").substr(1, 3) == "PNG");
  const Outcome help = run_program(kName, {"--help"});
  CHECK(help.code == 0);
  for (const char* option :
       {"--seed", "--threads", "--epochs", "--save", "--load", "--json", "--pictures", "--data",
        "--fasta", "--folds", "--model", "--reverse-complement", "--both-strands", "--predict",
        "--out", "--columns", "--origin"})
    CHECK(help.out.find(option) != std::string::npos);
}
