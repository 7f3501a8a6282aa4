// The program dates, on a small file: figures, saving, predicting, resuming, pictures, refusals.
#include "tests/examples/run_program.h"

namespace {

// Dates like "7.12.31", two hundred of them.
std::string table() {
  std::string out = "locale\thuman\tiso\n";
  for (int i = 0; i < 200; ++i) {
    const int year = 10 + i % 7, month = 1 + i % 3, day = 1 + i % 28;
    out += fmt::format("{}\t{}.{}.{}\t20{}-0{}-{:02}\n", i % 2 ? "ko-KR" : "fr-FR", day, month,
                       year, year, month, day);
  }
  return out;
}

const std::vector<std::string> kSmall{"--hidden", "24", "--epochs", "3", "--threads", "1"};

std::vector<std::string> with(std::vector<std::string> arguments,
                              const std::vector<std::string>& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

}  // namespace

TEST_CASE("dates: a saved model has the same figures, and answers a file of dates") {
  const Folder folder;
  const std::string data = folder.write("dates.tsv", table()), model = folder / "model";
  const Numbers trained = numbers_of(
      "dates", with(kSmall, {"--data", data, "--save", model, "--pictures", folder / "pictures"}));
  for (const char* name : {"exact_match.greedy", "exact_match.beam"}) {
    CHECK(trained[name] >= 0);
    CHECK(trained[name] <= 1);
  }
  const Numbers loaded = numbers_of("dates", {"--data", data, "--load", model, "--threads", "1"});
  for (const char* name : {"exact_match.greedy", "exact_match.beam"})
    CHECK(trained[name] == loaded[name]);
  // On all rows of a file.
  CHECK(numbers_of("dates", {"--data", data, "--load", model, "--test", data})
            .contains("exact_match.beam"));

  const std::string asked = folder.write("asked.txt", "3.2.15\n14.1.12\n5.1.10 ☃\n");
  const Outcome predicted =
      run_program("dates", {"--load", model, "--predict", asked, "--threads", "1"});
  CHECK(predicted.code == 0);
  CHECK(predicted.out.rfind("input,prediction,probability\n3.2.15,", 0) == 0);
  CHECK(std::count(predicted.out.begin(), predicted.out.end(), '\n') == 4);
  const Outcome one = run_program("dates", {"--load", model, "--date", "3.2.15"});
  CHECK(one.code == 0);
  CHECK(std::count(one.out.begin(), one.out.end(), '\n') == 4);  // the date, three answers
}

TEST_CASE("dates: a resumed run equals an uninterrupted one") {
  const Folder folder;
  const std::string data = folder.write("dates.tsv", table());
  const std::vector<std::string> common{"--hidden", "16", "--threads", "1", "--data", data};
  const Numbers whole = numbers_of("dates", with(common, {"--epochs", "4"}));
  REQUIRE(run_program("dates", with(common, {"--epochs", "2", "--save", folder / "half"})).code ==
          0);
  const Numbers resumed = numbers_of("dates", {"--resume", folder / "half", "--epochs", "4"});
  CHECK(whole.same_metrics(resumed));
}

TEST_CASE("dates: the other attentions, layers and input feeding run") {
  const Folder folder;
  const std::string data = folder.write("dates.tsv", table());
  for (const std::vector<std::string>& options :
       {std::vector<std::string>{"--attention", "dot", "--layers", "2"},
        std::vector<std::string>{"--attention", "general", "--input-feeding", "--beams", "1"}}) {
    const Numbers numbers = numbers_of("dates", with(options, {"--data", data, "--hidden", "8",
                                                               "--epochs", "1", "--threads", "1"}));
    CHECK(numbers.contains("exact_match.beam"));
  }
}

TEST_CASE("dates refuses bad input by a sentence") {
  const Folder folder;
  check_refused("dates", {"--data", folder.write("a.tsv", "human\tiso\n1.2.\t\n")},
                "a text in column \"iso\" was required");
  check_refused("dates", {"--data", folder.write("b.tsv", "human\tday\n1.2.\t3\n")}, "iso");
  check_refused("dates", {"--data", folder.write("c.tsv", "human\tiso\n\xff\t2\n")}, "UTF-8");
  check_refused("dates", {"--attention", "sideways"}, "sideways");
  check_refused("dates", {"--load", folder.write("d", "nonsense")}, "d");
}
