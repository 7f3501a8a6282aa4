#include "tests/examples/run_program.h"

#include <unroll/tensor/random.h>

namespace {

const std::string kName = "dna_sequence";

// Sequences of `letters` with a motif in the middle, as FASTA; lengths in [least, most].
std::string fasta(int count, int least, int most, const std::string& letters,
                  const std::string& motif, std::uint64_t seed) {
  unroll::Generator random(seed);
  std::string text;
  for (int i = 0; i < count; ++i) {
    std::string s;
    const auto length = least + random.below(most - least + 1);
    while (static_cast<unroll::Index>(s.size()) < length)
      s += letters[static_cast<std::size_t>(
          random.below(static_cast<unroll::Index>(letters.size())))];
    s.insert(s.size() / 2, motif);
    text += fmt::format("> {}\n{}\n", i, s);
  }
  return text;
}

}  // namespace

TEST_CASE("duplicates are removed before splitting, and the baselines have known accuracies") {
  const auto metrics = numbers_of(kName, {"--model", "none", "--folds", "10"});
  CHECK(metrics["sequences.given"] == 3186);
  CHECK(metrics["sequences.repeats"] == 185);
  CHECK(metrics["sequences.contradictory"] == 1);
  CHECK(metrics["sequences.used"] == 3000);
  CHECK(metrics["accuracy.majority"] == doctest::Approx(0.551).epsilon(1e-3));
  CHECK(metrics["accuracy.naive_bayes"] == doctest::Approx(0.950).epsilon(5e-3));
}

TEST_CASE("after a few epochs, two readers that meet at the junction beat the count baselines") {
  const auto metrics = numbers_of(kName, {"--model", "junction", "--epochs", "8"});
  CHECK(metrics["accuracy.junction"] > metrics["accuracy.naive_bayes"]);
  CHECK(metrics["accuracy.junction"] > 0.95);
  // The confusion matrix has the same predictions.
  double all = 0, right = 0;
  for (const char* truth : {"n", "ei", "ie"})
    for (const char* predicted : {"n", "ei", "ie"}) {
      const double n = metrics[fmt::format("confusion.junction.{}.{}", truth, predicted)];
      all += n;
      if (std::string(truth) == predicted) right += n;
    }
  CHECK(all == 450);
  CHECK(metrics["accuracy.junction"] == doctest::Approx(right / all));
}

TEST_CASE("the same seed gives the same results on any number of threads") {
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

TEST_CASE("a saved model gives the same results when loaded, whatever the seed") {
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

TEST_CASE("a loaded model is tested only on examples it was not trained on, whatever the file") {
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

TEST_CASE("a user's classes may have any lengths, ambiguity letters and either strand") {
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
  check_refused(kName, {"--data", a, "--fasta", a}, "excludes");
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
  check_refused(kName, {"--out", "x"}, "--out: --predict was required");
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

TEST_CASE("Ctrl-C saves the model so far, prints finished results and ends at once") {
  const Folder folder;
  const std::string file = folder / "model.safetensors";
  const Outcome result =
      interrupt_training(kName, {"--model", "junction", "--json", folder / "numbers.json"}, file);
  CHECK(result.code == 130);
  CHECK(result.out.find("naive_bayes") != std::string::npos);
  CHECK(result.err.find("interrupted") != std::string::npos);
  CHECK(folder.files() == std::vector<std::string>{"model.safetensors"});
  CHECK(run_program(kName, {"--model", "junction", "--load", file}).code == 0);
}

TEST_CASE("piped output is plain text, and the picture is complete") {
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
