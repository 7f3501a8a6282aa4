#include "tests/examples/run_program.h"

#include <unroll/tensor/safetensors.h>

#include <cmath>
#include <functional>

namespace {

const std::string kName = "stock_price";
const std::vector<std::string> kIndexes{"dax", "smi", "cac", "ftse"};

// Prices that wander, one line a day; `spoil` may change a line.
std::string wandering_prices(int days, const std::string& header,
                             const std::function<std::string(int, double, double)>& line) {
  std::string text = header + "\n";
  double a = 100, b = 20;
  for (int day = 0; day < days; ++day) {
    a *= std::exp(0.01 * std::sin(day * day));
    b *= std::exp(0.02 * std::cos(3.0 * day * day));
    text += line(day, a, b) + "\n";
  }
  return text;
}

std::string plain_line(int, double a, double b) { return fmt::format("{},{}", a, b); }

}  // namespace

TEST_CASE("the forecasts that need no network have the likelihoods that were measured elsewhere") {
  const auto metrics = numbers_of(kName, {"--model", "none"});
  // By a program in plain Python, with Student's t and its degrees of freedom by golden section.
  CHECK(metrics["dax.nll.constant"] == doctest::Approx(-2.60981).epsilon(2e-5));
  CHECK(metrics["dax.nll.ewma"] == doctest::Approx(-2.82315).epsilon(2e-5));
  CHECK(metrics["smi.nll.ewma"] == doctest::Approx(-2.96220).epsilon(2e-5));
  CHECK(metrics["cac.nll.ewma"] == doctest::Approx(-2.88750).epsilon(2e-5));
  CHECK(metrics["ftse.nll.ewma"] == doctest::Approx(-3.19687).epsilon(2e-5));
  for (const std::string& index : kIndexes) {
    CHECK(metrics[index + ".nll.garch"] < metrics[index + ".nll.constant"]);
    CHECK(metrics[index + ".nll_difference.garch"] ==
          doctest::Approx(metrics[index + ".nll.garch"] - metrics[index + ".nll.ewma"]));
    CHECK(metrics[index + ".nll_difference.garch.standard_error"] > 0.003);
    CHECK(metrics[index + ".coverage"] > 0.85);
    CHECK(metrics[index + ".coverage"] < 0.97);
  }
  CHECK(metrics["days.train"] == 1115);
  CHECK(metrics["days.validation"] == 372);
  CHECK(metrics["days.test"] == 372);
  // What makes the level a trap.
  for (const std::string& index : kIndexes) CHECK(metrics[index + ".r2.constant"] > 0.99);
}

TEST_CASE("a GRU that corrects EWMA forecasts all four indexes better than EWMA and GARCH") {
  const auto metrics = numbers_of(kName, {"--model", "gru", "--seeds", "2", "--epochs", "12"});
  for (const std::string& index : kIndexes) {
    CAPTURE(index);
    CHECK(metrics[index + ".nll.gru"] < metrics[index + ".nll.ewma"]);
    CHECK(metrics[index + ".nll.gru"] < metrics[index + ".nll.garch"]);
    CHECK(metrics[index + ".nll.gru.std"] > 0);
    CHECK(metrics[index + ".nll_difference.gru"] <
          -2 * metrics[index + ".nll_difference.gru.standard_error"]);
  }
}

TEST_CASE("the same seed gives the same numbers, whatever the number of threads") {
  const auto one = numbers_of(kName, {"--epochs", "2", "--seeds", "2", "--threads", "1"}),
             two = numbers_of(kName, {"--epochs", "2", "--seeds", "2", "--threads", "2"}),
             other = numbers_of(kName, {"--epochs", "2", "--seeds", "2", "--seed", "7"});
  CHECK(one.program == kName);
  CHECK(one.seed == 1);
  CHECK(one.threads == 1);
  CHECK(two.threads == 2);
  CHECK(one.same_metrics(two));
  CHECK(one["dax.nll.rnn"] != other["dax.nll.rnn"]);
  for (const std::string& index : kIndexes)
    for (const char* model : {"constant", "ewma", "garch", "rnn", "lstm", "gru"})
      for (const char* what : {"nll", "rmse"})
        CHECK(one.contains(fmt::format("{}.{}.{}", index, what, model)));
}

TEST_CASE("a saved model gives the same numbers when it is loaded, and no other is taken for it") {
  const Folder folder;
  const std::string file = folder / "lstm.safetensors";
  const auto saved = numbers_of(kName, {"--model", "lstm", "--epochs", "2", "--save", file}),
             loaded = numbers_of(kName, {"--model", "lstm", "--load", file});
  CHECK(saved.same_metrics(loaded));
  CHECK(folder.files() == std::vector<std::string>{"lstm.safetensors"});

  check_refused(kName, {"--model", "gru", "--load", file},
                "a model with model \"gru\" was required: got \"lstm\"");
  check_refused(kName, {"--model", "lstm", "--load", file, "--columns", "SMI,DAX,CAC,FTSE"},
                "columns \"SMI, DAX, CAC, FTSE\" was required: got \"DAX, SMI, CAC, FTSE\"");
  check_refused(kName, {"--model", "lstm", "--load", folder / "absent"}, "absent");
  check_refused(kName, {"--model", "lstm", "--load", folder.write("garbage", "not a model")},
                "garbage");
  CHECK(saved.same_metrics(numbers_of(kName, {"--load", file})));  // the file says which model
  check_refused(kName, {"--save", file}, "add --model");
  check_refused(kName, {"--model", "gru", "--seeds", "3", "--save", file}, "--seeds 3");
}

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
    return std::pair(unroll::read_file(file), metrics["a.nll.gru"]);
  };
  const auto one = trained_on("one", 0), other = trained_on("other", 0.1);
  CHECK(one.first == other.first);
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

TEST_CASE("a model that is damaged is no model") {
  const Folder folder;
  const std::string file = folder / "gru.safetensors";
  REQUIRE(run_program(kName, {"--model", "gru", "--epochs", "1", "--save", file}).code == 0);
  unroll::Metadata metadata;
  const unroll::NamedTensors good = unroll::load_safetensors(file, &metadata);
  const auto refused = [&](const unroll::NamedTensors& tensors, const std::string& words) {
    unroll::save_safetensors(file, tensors, metadata);
    check_refused(kName, {"--model", "gru", "--load", file}, words);
  };
  auto bad = good;
  bad.at("network.head.bias") =
      unroll::Tensor::full(bad.at("network.head.bias").shape(), std::nan(""));
  refused(bad, "finite values were required in \"network.head.bias\"");
  bad.at("network.head.bias") = good.at("network.head.bias");
  bad.at("fitted") = unroll::Tensor::full(bad.at("fitted").shape(), -3, unroll::f64);
  refused(bad, "forecasts that are finite were required");
  bad.at("fitted") = good.at("fitted");
  bad.at("network.head.bias") = unroll::Tensor::zeros({3});
  refused(bad, "\"network.head.bias\" has the shape [3] where [8] is required");
  bad.erase("network.head.bias");
  refused(bad, "\"network.head.bias\" [8] is missing");
  metadata["validation"] = "low";
  refused(good, "a number was required for \"validation\": got \"low\"");
}

TEST_CASE("which epoch's parameters are kept, and how good they are, stands among the numbers") {
  const auto metrics = numbers_of(kName, {"--model", "gru", "--epochs", "3", "--seeds", "2"});
  for (const std::string run : {"gru.seed1", "gru.seed2"}) {
    CHECK(metrics[run + ".validation"] < -3.4);
    CHECK(metrics[run + ".epoch"] <= 3);
  }
}

TEST_CASE("options that cannot be meant are refused before any work") {
  const Folder folder;
  check_refused(kName, {"--model", "transformer"}, "transformer");
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
                "--predict: a trained model, --load MODEL, was required");
  check_refused(kName, {"--out", file}, "--out: predictions, --predict FILE, was required");
  for (const std::string option : {"--csv", "--json", "--pictures"})
    check_refused(kName, {"--load", file, "--predict", file, option, file},
                  option + ": no --predict was required");
}

TEST_CASE("Ctrl-C saves the model so far, prints what is finished and leaves at once") {
  const Folder folder;
  const std::string file = folder / "gru.safetensors";
  const Outcome result =
      interrupt_training(kName, {"--model", "gru", "--json", folder / "numbers.json"}, file);
  CHECK(result.code == 130);
  CHECK(result.cpu_after_interrupt < 5);
  CHECK(result.out.find("ewma") != std::string::npos);
  CHECK(result.err.find("interrupted") != std::string::npos);
  CHECK(folder.files() == std::vector<std::string>{"gru.safetensors"});
  CHECK(run_program(kName, {"--model", "gru", "--load", file}).code == 0);
}

TEST_CASE("a program that is told to end does so as at Ctrl-C") {
  for (const int signal : {SIGTERM, SIGHUP}) {
    const Folder folder;
    const std::string file = folder / "gru.safetensors";
    const Outcome result = interrupt_training(kName, {"--model", "gru"}, file, signal);
    CHECK(result.code == 128 + signal);
    CHECK(result.err.find("interrupted") != std::string::npos);
    CHECK(result.out.find("Model: " + file) != std::string::npos);
    CHECK(run_program(kName, {"--model", "gru", "--load", file}).code == 0);
  }
}

TEST_CASE(
    "every kind of file gets its picture: undated, of any script, of few days, of tiny prices") {
  const Folder folder;
  const auto drawn = [&](const std::string& header, double factor, bool dated) {
    const std::string csv =
        folder.write("p.csv", wandering_prices(260, header, [&](int day, double a, double b) {
                       const std::string date = fmt::format("{}-{:02}-{:02},", 2001 + day / 84,
                                                            day / 7 % 12 + 1, day % 7 + 1);
                       return fmt::format("{}{},{}", dated ? date : "", a * factor, b * factor);
                     }));
    const std::string columns = header.substr(dated ? 5 : 0);
    const Outcome result =
        run_program(kName, {"--csv", csv, "--columns", columns, "--model", "gru", "--epochs", "1",
                            "--seeds", "1", "--pictures", folder / "pictures"});
    CHECK_MESSAGE(result.code == 0, result.err);
    if (result.out.find("No picture") == std::string::npos)
      CHECK(unroll::read_file(folder / "pictures/stock_price.png").substr(1, 3) == "PNG");
  };
  drawn("A,B", 1, false);
  drawn("Date,종가,价格", 1e6, true);
  drawn("Date,it's,\\n{x}", 1e-7, true);
}

TEST_CASE("what goes into a pipe is plain text of moderate width; pictures are whole") {
  const Folder folder;
  const Outcome result =
      run_program(kName, {"--epochs", "1", "--seeds", "2", "--pictures", folder / "with 'quotes'"});
  REQUIRE(result.code == 0);
  CHECK(result.err.empty());
  check_plain(result.out);
  if (result.out.find("No picture") == std::string::npos) {
    CHECK(std::filesystem::directory_iterator(folder / "with 'quotes'")->path().filename() ==
          "stock_price.png");
    CHECK(unroll::read_file(folder / "with 'quotes'/stock_price.png").substr(1, 3) == "PNG");
  }
  const Outcome help = run_program(kName, {"--help"});
  CHECK(help.code == 0);
  for (const char* option : {"--seed", "--threads", "--epochs", "--save", "--load", "--json",
                             "--pictures", "--csv", "--columns", "--model", "--seeds", "--predict",
                             "--out", "--ticker", "--date-order", "--decimal", "--encoding"})
    CHECK(help.out.find(option) != std::string::npos);
}
