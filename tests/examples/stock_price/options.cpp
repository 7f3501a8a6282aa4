#include "tests/examples/run_program.h"
#include "tests/examples/stock_price/wandering.h"

#include <unroll/tensor/safetensors.h>

#include <cmath>

namespace {

const std::string kName = "stock_price";

}  // namespace

TEST_CASE("prices of one's own, with quoted names, gaps and other columns") {
  const Folder folder;
  // On some days one was not traded, on others nobody was; the second share begins later.
  const auto line = [](int day, double a, double b) {
    const bool gap = day % 50 == 7, closed = day % 60 == 11;
    return fmt::format("row {},{},{},\"x, y\"", day, gap || closed ? "" : fmt::format("{}", a),
                       closed || day < 3 ? "NA" : fmt::format("{}", b));
  };
  const std::string csv =
      folder.write("own.csv", wandering_prices(260, "\"no\",\"S&P \"\"500\"\"\",B,note", line));
  const auto days = [](const Numbers& metrics) {
    return metrics["days.train"] + metrics["days.validation"] + metrics["days.test"];
  };
  const auto one = numbers_of(kName, {"--csv", csv, "--columns", "S&P \"500\"", "--model", "rnn",
                                      "--epochs", "1", "--seeds", "1"}),
             two = numbers_of(kName, {"--csv", csv, "--columns", "B,S&P \"500\"", "--model", "gru",
                                      "--epochs", "1", "--seeds", "1"});
  CHECK(one.contains("s_p__500_.nll.rnn"));
  CHECK(one["s_p__500_.tomorrow.volatility"] > 0);
  CHECK(days(one) == 260 - 5 - 6 - 1);  // without the days that have no price; one return less
  CHECK(days(two) == 260 - 5 - 3 - 1);  // where one column has a price, the day counts
  CHECK(two["days.early"] == 3);
  CHECK(two["days.closed"] == 5);     // of days 11, 71, 131, 191 and 251
  CHECK(two["prices.missing"] == 6);  // of days 7, 57, .., 257
  CHECK(two.contains("b.nll.gru"));
}

TEST_CASE(
    "nothing is fitted on the test part: with other prices there, the same model is trained") {
  const Folder folder;
  const auto trained_on = [&](const std::string& name, double factor) {
    // 300 days are 299 returns, of which the last 60 test; the day before the first stays.
    const std::string csv =
        folder.write(name + ".csv", wandering_prices(300, "A,B", [&](int day, double a, double b) {
                       return plain_line(day, day >= 240 ? a * (1 + factor * (day % 3)) : a, b);
                     }));
    const std::string file = folder / (name + ".safetensors");
    const auto metrics = numbers_of(kName, {"--csv", csv, "--columns", "A,B", "--model", "gru",
                                            "--epochs", "3", "--save", file});
    return std::pair(unroll::load_safetensors(file), metrics["a.nll.gru"]);
  };
  const auto one = trained_on("one", 0), other = trained_on("other", 0.1);
  REQUIRE(one.first.size() == other.first.size());
  for (const auto& entry : one.first) {
    CAPTURE(entry.first);
    REQUIRE(other.first.count(entry.first) == 1);
    CHECK(entry.second.to_vector<double>() == other.first.at(entry.first).to_vector<double>());
  }
  CHECK(one.second != other.second);
}

TEST_CASE("prices that nothing can be learned from are refused") {
  const Folder folder;
  const auto csv = [&](int days, const std::function<std::string(int, double, double)>& line) {
    return folder.write("prices.csv", wandering_prices(days, "A,B", line));
  };
  check_refused(kName, {"--csv", csv(150, plain_line), "--columns", "A,B"},
                "at least 200 days with a price in every column were required: got 150");
  check_refused(kName, {"--csv", csv(250, plain_line), "--columns", "A,C"}, "got the columns A, B");
  check_refused(kName, {"--csv", csv(250, plain_line), "--columns", "A,A"},
                "names of columns that differ were required: got A,A");
  check_refused(kName, {"--csv", csv(250, plain_line)}, "got A, B; add --columns");
  const auto spoiled = [&](const std::string& cell) {
    return csv(250, [&](int day, double a, double b) {
      return day == 100 ? fmt::format("{},{}", a, cell) : plain_line(day, a, b);
    });
  };
  check_refused(kName, {"--csv", spoiled("0"), "--columns", "A,B"},
                "prices.csv:102: a price above 0 was required in column \"B\": got 0");
  check_refused(kName, {"--csv", spoiled("-3.5"), "--columns", "A,B"}, "got -3.5");
  check_refused(kName, {"--csv", spoiled("inf"), "--columns", "A,B"}, "got \"inf\"");
  check_refused(kName, {"--csv", spoiled("12 pears"), "--columns", "A,B"}, "got \"12 pears\"");
  check_refused(kName, {"--csv", spoiled("1,2"), "--columns", "A,B"}, "2 fields were required");
  check_refused(kName,
                {"--csv", csv(250, [](int, double a, double) { return fmt::format("{},7", a); }),
                 "--columns", "A,B"},
                "prices that change were required in column \"B\"");
  check_refused(kName, {"--csv", folder / "absent.csv", "--columns", "A"}, "absent.csv");
  check_refused(kName, {"--csv", spoiled("1e300"), "--columns", "A,B"}, "got 1e+300");
  check_refused(kName, {"--csv", spoiled("\033[31m"), "--columns", "A,B"}, "\\x1B[31m");
  // Of 250 days, 249 returns, the last 50 test.
  const auto still = [&](int first, int last) {
    return csv(250, [=](int day, double a, double b) {
      return plain_line(day, a, day >= first && day <= last ? 7 : b);
    });
  };
  check_refused(kName, {"--csv", still(200, 249), "--columns", "A,B"},
                "the 50 of the test part are all 7");
  check_refused(kName, {"--csv", still(140, 210), "--columns", "A,B"}, "of the middle part are");
  const auto ends = [&](int last) {
    return csv(250, [=](int day, double a, double b) {
      return day > last ? fmt::format("{},", a) : plain_line(day, a, b);
    });
  };
  check_refused(kName, {"--csv", ends(239), "--columns", "A,B"},
                "prices up to the end were required in column \"B\": got none on the last 10 days");
  CHECK(numbers_of(kName, {"--csv", ends(240), "--columns", "A,B", "--model",
                           "none"})["prices.missing"] == 9);
  check_refused(kName,
                {"--csv", folder.write("twice.csv", wandering_prices(250, "A,A", plain_line)),
                 "--columns", "A"},
                "one column \"A\" was required: got several");
  const std::string latin = folder.write("latin.csv", wandering_prices(250, "A,\xE9", plain_line));
  CHECK(numbers_of(kName, {"--csv", latin, "--columns", "é", "--model", "none"})["é.nll.ewma"] < 0);
}

TEST_CASE("an output never takes the place of an input, nor of another output") {
  const Folder folder;
  const std::string prices = wandering_prices(250, "A,B", plain_line),
                    csv = folder.write("prices.csv", prices), other = folder / "other";
  const auto refused = [&](const std::vector<std::string>& more, const std::string& words) {
    std::vector<std::string> arguments{"--csv", csv, "--columns", "A,B", "--model", "gru"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    check_refused(kName, arguments, words + ": a file that no other option names was required");
    CHECK(unroll::read_file(csv) == prices);
  };
  refused({"--save", csv}, "--save");
  refused({"--json", folder / "./prices.csv"}, "--json");
  refused({"--pictures", csv}, "--pictures");
  refused({"--save", other, "--json", other}, "--json");
  refused({"--save", other, "--pictures", other + "/"}, "--pictures");
  refused({"--json", other + "/stock_price.png", "--pictures", other}, "--pictures");

  CHECK(folder.files() == std::vector<std::string>{"prices.csv"});
  check_refused(kName, {"--pictures", csv + "/x"}, "a folder that can be written to was required");
}

TEST_CASE("options that cannot be meant are refused before any work") {
  const Folder folder;
  check_refused(kName, {"--model", "perceptron"}, "perceptron");
  check_refused(kName, {"--epochs", "0"}, "epochs");
  check_refused(kName, {"--threads", "many"}, "many");
  check_refused(kName, {"--sed", "1"}, "--sed");
  check_refused(kName, {"--seed", "-1"}, "--seed");
  check_refused(kName, {"--json", folder / "no/such/folder.json"}, "--json");
  check_refused(kName, {"--model", "gru", "--save", folder / ""}, "--save");
  check_refused(kName, {"--csv=", "--columns", "A"}, "--csv: a value was required");
  check_refused(kName, {"--json", ""}, "--json: a value was required");
  for (const std::string seed : {"-1", "x", "1.5", "99999999999999999999999"})
    check_refused(
        kName, {"--seed", seed},
        "--seed: a whole number from 0 to 18446744073709551615 was required: got " + seed);
}

TEST_CASE("options that would do nothing are refused") {
  const Folder folder;
  const std::string file = folder / "absent";
  for (const std::string option :
       {"--epochs", "--seed", "--seeds", "--pictures", "--save", "--load"})
    check_refused(kName, {"--model", "none", option, "1"},
                  option + ": a model to train or to load was required: got --model none");
  for (const std::string option : {"--epochs", "--seed", "--seeds", "--save"})
    check_refused(kName, {"--model", "gru", "--load", file, option, "1"},
                  option + ": a model to train was required: got --load");
  check_refused(kName, {"--predict", file},
                "--predict: a trained model was required: add --load FILE");
  check_refused(kName, {"--out", file}, "--out: predictions were required: add --predict FILE");
  for (const std::string option : {"--csv", "--json", "--pictures"})
    check_refused(kName, {"--load", file, "--predict", file, option, file},
                  option + ": a run without --predict was required");
}
