// Every program with every kind of sequence model (examples/common/sequence_model.h), trained for a
// moment, with equal numbers of parameters; the models are saved and loaded.
#include "examples/common/sequence_model.h"

#include "tests/examples/dna_sequence/sequences.h"
#include "tests/examples/run_program.h"
#include "tests/examples/stock_price/wandering.h"
#include "tests/examples/strokes/scribbles.h"

namespace {

using Words = std::vector<std::string>;

Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// A text that repeats itself.
std::string counting(int lines) {
  std::string text;
  for (int i = 0; i < lines; ++i) text += "one two three four five\nsix seven eight\n";
  return text;
}

// Short sequences of two classes.
Words two_classes(const Folder& folder) {
  return {"--fasta", folder.write("a.fa", fasta(30, 5, 30, "ACGT", "GTAAGT", 1)), "--fasta",
          folder.write("b.fa", fasta(30, 5, 30, "ACGT", "CCCCCC", 2))};
}

Outcome succeeded(const std::string& program, const Words& words) {
  Outcome out = run_program(program, words);
  REQUIRE_MESSAGE(out.code == 0, out.err);
  return out;
}

// "gru: 9500 parameters with --hidden 24 (9412 wanted).": whether the first is near the second.
bool says_equal(const std::string& out, const std::string& kind) {
  const std::size_t at = out.find(kind + ": ");
  if (at == std::string::npos) return false;
  double found = 0, wanted = 0;
  const char* line = out.c_str() + at + kind.size();
  return std::sscanf(line, ": %lf parameters with --hidden %*d (%lf wanted)", &found, &wanted) ==
             2 &&
         std::abs(found - wanted) < 0.06 * wanted;
}

}  // namespace

TEST_CASE("language_model trains, saves and loads every kind of model") {
  const Folder folder;
  const std::string text = folder.write("text", counting(60)), model = folder / "model";
  const Words brief{"--text", text,      "--budget", "4000",      "--streams",
                    "8",      "--steps", "16",       "--threads", "1"};
  double lstm = numbers_of("language_model", with(brief, {"--hidden", "24"}))["parameters"];
  for (const std::string& kind : program::sequence_kinds()) {
    CAPTURE(kind);
    const Numbers n = numbers_of(
        "language_model",
        with(brief, {"--model", kind, "--hidden", "24", "--equal-parameters", "--save", model}));
    CHECK(n["perplexity"] < 40);  // there are 20 characters
    CHECK(n["parameters"] == doctest::Approx(lstm).epsilon(0.05));
    CHECK(numbers_of("language_model", {"--load", model, "--text", text, "--threads",
                                        "1"})["perplexity"] == n["perplexity"]);
    succeeded("language_model", {"--load", model, "--generate", "one", "--length", "30"});
  }
  const Numbers n =
      numbers_of("language_model", with(brief, {"--model", "all", "--parameters", "9000"}));
  for (const std::string& kind : program::sequence_kinds()) {
    CHECK(n[kind + ".parameters"] == doctest::Approx(9000).epsilon(0.05));
    CHECK(n[kind + ".perplexity"] < 40);
    CHECK(n[kind + ".seconds"] > 0);
  }
}

TEST_CASE("topics reads in order with every kind of model, as large as the LSTM on request") {
  const Folder folder;
  const std::string model = folder / "m", texts = folder.write("in.txt", "a large wild cat\n");
  const Words brief{"--threads", "1", "--limit", "300", "--hidden", "16", "--epochs", "1"};
  const double lstm = numbers_of("topics", with(brief, {"--model", "lstm"}))["values.lstm"];
  for (const std::string& kind : program::sequence_kinds()) {
    CAPTURE(kind);
    const Numbers n =
        numbers_of("topics", with(brief, {"--model", kind, "--equal-parameters", "--save", model}));
    CHECK(n["values." + kind] == doctest::Approx(lstm).epsilon(0.03));
    CHECK(n["accuracy." + kind] >= 0);
    succeeded("topics", {"--load", model, "--predict", texts, "--out", folder / "o.csv"});
  }
  check_refused("topics", with(brief, {"--model", "linear", "--equal-parameters"}),
                "a model that reads in order was required: got linear");
}

TEST_CASE("languages reads with every kind of model, as large as the GRU on request") {
  const Folder folder;
  const std::string model = folder / "m", json = folder / "json";
  for (const std::string& kind : program::sequence_kinds()) {
    CAPTURE(kind);
    const Outcome out = succeeded(
        "languages", {"--threads", "1", "--limit", "5", "--snippets", "1", "--epochs", "1",
                      "--model", kind, "--equal-parameters", "--save", model, "--json", json});
    CHECK(says_equal(out.out, kind));
    const Numbers n(json);
    CHECK(n["accuracy.40." + kind] >= 0);
    CHECK(n["accuracy.40.combined"] > 0.5);
    succeeded("languages", {"--load", model, "--text", "Il fait beau"});
  }
}

TEST_CASE("dates and pronunciation have an encoder of every kind") {
  const Folder folder;
  std::string table = "human\tiso\n";
  for (int i = 0; i < 120; ++i)
    table += fmt::format("{}.{}.{}\t20{}-0{}-{:02}\n", 1 + i % 28, 1 + i % 3, 10 + i % 7,
                         10 + i % 7, 1 + i % 3, 1 + i % 28);
  const std::string data = folder.write("dates.tsv", table), model = folder / "m";
  for (const std::string& kind : program::sequence_kinds())
    for (const std::string attention : {"additive", "dot"}) {
      CAPTURE(kind);
      const Outcome out = succeeded(
          "dates", {"--data", data, "--hidden", "16", "--epochs", "1", "--threads", "1", "--model",
                    kind, "--attention", attention, "--equal-parameters", "--save", model});
      CHECK(says_equal(out.out, kind));
      succeeded("dates", {"--load", model, "--date", "3.2.15"});
      succeeded("dates", {"--resume", model, "--data", data, "--epochs", "2", "--threads", "1"});
    }
  const std::string words = folder.write("words.tsv", [] {
    std::string all = "word\tphonemes\n";
    for (int i = 0; i < 60; ++i)
      all += fmt::format("{}{}\tK {}\n", static_cast<char>('a' + i % 26),
                         static_cast<char>('a' + i / 26), i % 2 ? "AH" : "OW");
    return all;
  }());
  succeeded("pronunciation", {"--data", words, "--hidden", "16", "--epochs", "1", "--threads", "1",
                              "--model", "transformer"});
}

TEST_CASE("dna_sequence has readers of every kind") {
  const Folder folder;
  const Words data = two_classes(folder);
  const std::string model = folder / "m";
  for (const std::string& kind : program::sequence_kinds())
    for (const std::string network : {"junction", "attention"}) {
      CAPTURE(kind);
      CAPTURE(network);
      const Outcome out = succeeded(
          "dna_sequence", with(data, {"--model", network, "--epochs", "1", "--threads", "1",
                                      "--reader", kind, "--equal-parameters", "--save", model}));
      CHECK(says_equal(out.out, kind));
      succeeded("dna_sequence", {"--load", model, "--predict", folder / "a.fa"});
    }
  check_refused("dna_sequence", with(data, {"--model", "motifs", "--reader", "lstm"}),
                "junction or attention was required: got --model motifs");
}

TEST_CASE("stock_price has a network of every kind") {
  const Folder folder;
  const std::string csv = folder.write("p.csv", wandering_prices(260, "A,B", plain_line)),
                    model = folder / "m";
  for (const std::string& kind : program::sequence_kinds()) {
    CAPTURE(kind);
    if (kind == "linear-attention") {
      check_refused("stock_price", {"--csv", csv, "--columns", "A,B", "--model", kind},
                    "--model: a model that forgets, or has a window, was required");
      continue;
    }
    const Outcome out =
        succeeded("stock_price", {"--csv", csv, "--columns", "A,B", "--model", kind, "--epochs",
                                  "1", "--seeds", "1", "--equal-parameters", "--save", model});
    CHECK(says_equal(out.out, kind));
    CHECK(numbers_of("stock_price", {"--csv", csv, "--load", model})
              .contains("a.tomorrow.volatility"));
  }
}

TEST_CASE("strokes reads with every kind of model, as large as the LSTM on request") {
  const Folder folder;
  const std::string data = folder.write("d", json_file(60)), model = folder / "m",
                    asked = folder.write("asked", pairs_file(3, 2, false));
  for (const std::string& kind : program::sequence_kinds()) {
    CAPTURE(kind);
    const Outcome out = succeeded(
        "strokes", {"--task", "strokes", "--data", data, "--threads", "1", "--hidden", "32",
                    "--epochs", "1", "--model", kind, "--equal-parameters", "--save", model});
    CHECK(says_equal(out.out, kind));
    CHECK(out.out.find(kind + " ") != std::string::npos);
    const Outcome predicted = succeeded("strokes", {"--load", model, "--predict", asked});
    CHECK(std::count(predicted.out.begin(), predicted.out.end(), '\n') == 4);
  }
}
