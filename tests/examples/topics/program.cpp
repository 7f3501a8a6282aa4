// The program topics: trained for a moment on a part of its data.
#include "tests/examples/run_program.h"

namespace {

// Arguments of a quick run, and more.
std::vector<std::string> quick(const std::vector<std::string>& more) {
  std::vector<std::string> out{"--threads", "1", "--limit", "1500", "--hidden", "16"};
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

}  // namespace

TEST_CASE("topics compares four models and prints the winner") {
  const Folder folder;
  const std::string json = folder / "o.json";
  const Outcome run = run_program(
      "topics", quick({"--epochs", "2", "--json", json, "--pictures", folder / "pictures"}));
  CAPTURE(run.err);
  REQUIRE(run.code == 0);
  if (run.out.find("gnuplot is not installed") == std::string::npos)
    CHECK(unroll::read_file(folder / "pictures/topics.svg").find("embedding_bag") !=
          std::string::npos);
  const Numbers numbers(json);
  for (const std::string name : {"naive_bayes", "linear", "embedding_bag", "lstm"}) {
    CHECK(numbers["accuracy." + name] > 0.1);
    CHECK(numbers["accuracy." + name] <= 1);
    CHECK(numbers["macro_f1." + name] <= 1);
    CHECK(run.out.find(name) != std::string::npos);
  }
  CHECK(numbers["accuracy.naive_bayes"] > numbers["accuracy.majority"] + 0.1);
  CHECK(run.out.find("paired standard error") != std::string::npos);
  const bool wins = run.out.find(" wins: it is ahead of each other model") != std::string::npos,
             none = run.out.find("No model wins: ") != std::string::npos;
  CHECK(wins != none);
}

TEST_CASE("topics finds the glosses nearest to a query, also with a saved model") {
  const Folder folder;
  const std::string model = folder / "m.safetensors";
  const Outcome trained =
      run_program("topics", quick({"--epochs", "2", "--query", "a large wild cat", "--features",
                                   "beginning", "--model", "embedding_bag", "--save", model}));
  CAPTURE(trained.err);
  REQUIRE(trained.code == 0);
  CHECK(trained.out.find("domestic cat") != std::string::npos);
  CHECK(trained.out.find("by embedding") != std::string::npos);
  const Outcome loaded = run_program("topics", {"--load", model, "--query", "a large wild cat"});
  REQUIRE(loaded.code == 0);
  const auto answer = [](const std::string& out) {
    const std::size_t begin = out.find("The glosses nearest"), end = out.find("most frequent");
    return out.substr(begin, end == std::string::npos ? end : out.rfind('\n', end) - begin);
  };
  CHECK(
      loaded.out.substr(loaded.out.find("The glosses")).find(answer(trained.out).substr(0, 300)) ==
      0);
  const Outcome none = run_program("topics", {"--load", model, "--query", "xyzzy"});
  CHECK(none.code == 0);
  CHECK(none.out.find("No word of it is in any gloss.") != std::string::npos);
}

TEST_CASE("topics predicts with each saved model, and a resumed run equals the whole one") {
  const Folder folder;
  const std::string texts = folder.write(
      "in.txt", "a large wild cat\na person who sells shoes\n\xEA\xB3\xA0\xEC\x96\x91\n");
  for (const std::string kind : {"naive_bayes", "linear", "lstm"}) {
    CAPTURE(kind);
    const std::string two = folder / kind + "2", one = folder / kind + "1", csv = folder / "o.csv";
    const auto train = [&](const std::vector<std::string>& more) {
      std::vector<std::string> all = quick({"--model", kind, "--features", "words"});
      all.insert(all.end(), more.begin(), more.end());
      const Outcome run = run_program("topics", all);
      CAPTURE(run.err);
      REQUIRE(run.code == 0);
    };
    train({"--epochs", "2", "--save", two});
    const Outcome predicted =
        run_program("topics", {"--load", two, "--predict", texts, "--out", csv});
    CAPTURE(predicted.err);
    REQUIRE(predicted.code == 0);
    const std::string rows = unroll::read_file(csv);
    CHECK(rows.rfind("input,class,probability\na large wild cat,", 0) == 0);
    CHECK(std::count(rows.begin(), rows.end(), '\n') == 4);
    if (kind == "naive_bayes") continue;  // it has no epochs
    train({"--epochs", "1", "--save", one});
    const Outcome resumed =
        run_program("topics", {"--resume", one, "--epochs", "2", "--save", one});
    CAPTURE(resumed.err);
    REQUIRE(resumed.code == 0);
    REQUIRE(run_program("topics", {"--load", one, "--predict", texts, "--out", csv}).code == 0);
    CHECK(unroll::read_file(csv) == rows);
  }
}

TEST_CASE("topics shows the figures of another file, and refuses what does not fit") {
  const Folder folder;
  const std::string model = folder / "m";
  REQUIRE(run_program("topics", quick({"--model", "naive_bayes", "--save", model})).code == 0);
  const std::string test =
      folder.write("t.tsv", "class\tgloss\nperson\ta person who sells shoes\nplant\ta tall tree\n");
  const Outcome run = run_program("topics", {"--load", model, "--test", test});
  CAPTURE(run.err);
  CHECK(run.code == 0);
  CHECK(run.out.find("2 texts") != std::string::npos);
  check_refused("topics", {"--load", model}, "--predict, --test or --query was required");
  check_refused("topics", {"--load", model, "--query", "cat"},
                "the kind embedding_bag was required");
  check_refused("topics",
                {"--load", model, "--test", folder.write("u.tsv", "class\tgloss\nrock\ta stone\n")},
                "classes that the model knows was required: got \"rock\"");
  check_refused(
      "topics",
      {"--load", model, "--test", folder.write("v.tsv", "class\tgloss\nplant\t\xED\xA0\x80\n")},
      "UTF-8");
  check_refused("topics", {"--model", "svm"}, "got svm");
  check_refused("topics", {"--data", folder.write("w.tsv", "class\tgloss\na\tx\na\ty\n")},
                "at least 2 classes");
  check_refused("topics", {"--model", "lstm", "--query", "cat"},
                "the model embedding_bag was required: got lstm");
}
