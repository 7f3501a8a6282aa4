// The program languages: trained for a moment on a part of its data.
#include "tests/examples/run_program.h"

namespace {

std::vector<std::string> quick(const std::vector<std::string>& more) {
  std::vector<std::string> out{"--threads", "1", "--limit",    "10",
                               "--hidden",  "8", "--snippets", "2"};
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

}  // namespace

TEST_CASE("languages compares counting, a GRU and both, for four lengths") {
  const Folder folder;
  const std::string json = folder / "o.json";
  const Outcome run = run_program(
      "languages",
      quick({"--epochs", "1", "--json", json, "--pictures", folder / "pictures", "--text",
             "\xEB\xAA\xA8\xEB\x93\xA0 \xEC\x9D\xB8\xEA\xB0\x84\xEC\x9D\x80"}));
  CAPTURE(run.err);
  REQUIRE(run.code == 0);
  if (run.out.find("gnuplot is not installed") == std::string::npos)
    CHECK(unroll::read_file(folder / "pictures/languages.svg").find("naive Bayes") !=
          std::string::npos);
  const Numbers numbers(json);
  for (const std::string length : {"5", "10", "20", "40"})
    for (const std::string model : {"naive_bayes", "gru", "combined"}) {
      CHECK(numbers["accuracy." + length + "." + model] >= 0);
      CHECK(numbers["accuracy." + length + "." + model] <= 1);
    }
  CHECK(numbers["accuracy.40.naive_bayes"] > 0.7);
  CHECK(numbers["accuracy.40.combined"] > 0.7);
  CHECK(numbers["difference.10.combined.standard_error"] > 0);
  CHECK(run.out.find("paired standard error") != std::string::npos);
  const std::size_t text = run.out.find("\xEB\xAA\xA8\xEB\x93\xA0");
  REQUIRE(text != std::string::npos);
  CHECK(run.out.find("kor", text) < run.out.find('\n', run.out.find('\n', text) + 1));
}

TEST_CASE("languages predicts with a saved model, and a resumed run equals the whole one") {
  const Folder folder;
  const std::string two = folder / "two", one = folder / "one", csv = folder / "o.csv";
  const std::string texts =
      folder.write("in.tsv", "text\nThe right to life\n\"Le droit\"\n\xE7\x94\x9F\nx\n");
  const auto run = [](const std::vector<std::string>& arguments) {
    const Outcome outcome = run_program("languages", arguments);
    CAPTURE(outcome.err);
    REQUIRE(outcome.code == 0);
    return outcome;
  };
  run(quick({"--epochs", "2", "--save", two}));
  run({"--load", two, "--predict", texts, "--out", csv});
  const std::string rows = unroll::read_file(csv);
  CHECK(rows.rfind("input,language,probability\nThe right to life,eng,", 0) == 0);
  CHECK(std::count(rows.begin(), rows.end(), '\n') == 5);
  run(quick({"--epochs", "1", "--save", one}));
  run({"--resume", one, "--epochs", "2", "--save", one});
  run({"--load", one, "--predict", texts, "--out", csv});
  CHECK(unroll::read_file(csv) == rows);
  const Outcome tested = run({"--load", two, "--test",
                              folder.write("t.tsv",
                                           "language\ttext\neng\tAll human beings are "
                                           "born free and equal in dignity\n"
                                           "deu\tAlle Menschen sind frei und gleich an "
                                           "W\xC3\xBCrde und Rechten geboren\n")});
  CHECK(tested.out.find("combined") != std::string::npos);
}

TEST_CASE("languages refuses what does not fit") {
  const Folder folder;
  const std::string model = folder / "m";
  REQUIRE(run_program("languages", quick({"--epochs", "1", "--save", model})).code == 0);
  check_refused("languages", {"--load", model}, "--text, --predict or --test was required");
  check_refused("languages", {"--load", model, "--text", "\xFF"}, "UTF-8 was required");
  check_refused("languages",
                {"--load", model, "--test", folder.write("t.tsv", "language\ttext\nxxx\tabcdef\n")},
                "t.tsv:2: one of the 48 languages that are learned was required: got \"xxx\"");
  check_refused("languages", {"--data", folder.write("d.tsv", "language\ttext\neng\tabcdef\n")},
                "at least 2 languages");
  check_refused("languages", {"--data", folder.write("e.tsv", "")}, "e.tsv");
}
