// --load and --predict of stock_price: a model on days that it has not seen.
#include "tests/examples/run_program.h"

#include <unroll/data/table/csv.h>
#include <unroll/data/table/dates.h>

#include <cmath>

namespace {

const std::string kName = "stock_price";
constexpr std::int64_t kDay = 86400;

// Weekdays from 2020-01-01; `names` are the columns.
std::string prices(int from, int to, const std::string& names = "Date,Close", bool dates = true) {
  std::string out = names + "\n";
  double price = 100;
  int n = 0;
  for (std::int64_t day = 18262; n < to; ++day) {
    if (day % 7 == 2 || day % 7 == 3) continue;  // the weekend
    price *= std::exp(0.01 * std::sin(static_cast<double>(day * day)));
    if (n++ >= from)
      out +=
          fmt::format("{}{:.4f}\n", dates ? unroll::data::date_text(kDay * day) + "," : "", price);
  }
  return out;
}

std::string trained(const Folder& folder, const std::string& csv) {
  std::string file = folder / "model";
  const Outcome result = run_program(
      kName, {"--csv", csv, "--model", "gru", "--seeds", "1", "--epochs", "2", "--save", file});
  REQUIRE_MESSAGE(result.code == 0, result.err);
  return file;
}

}  // namespace

TEST_CASE("a model predicts each day of a file of 30 rows, and the day after") {
  const Folder folder;
  const std::string model = trained(folder, folder.write("old.csv", prices(0, 300)));
  const std::string fresh = folder.write("new.csv", prices(300, 330, "day,value in EUR")),
                    out = folder / "out.csv";
  REQUIRE(run_program(kName, {"--load", model, "--predict", fresh, "--out", out}).code == 0);
  const unroll::data::Table table = unroll::data::read_csv(out);
  CHECK(table.names() ==
        std::vector<std::string>{"date", "column", "price", "mean", "volatility", "low", "high"});
  REQUIRE(table.rows() == 30);  // from the second day on
  const unroll::data::Table given = unroll::data::read_csv(fresh);
  const auto days = table.strings("date");
  const auto price = table.numbers("price"), mean = table.numbers("mean"),
             volatility = table.numbers("volatility"), low = table.numbers("low"),
             high = table.numbers("high"), before = given.numbers("value in EUR");
  for (std::size_t i = 0; i < 30; ++i) {
    if (i < 29) {
      CHECK(days[i] == given.cell(i + 1, 0));
      CHECK(price[i] == before[i + 1]);
    }
    CHECK(volatility[i] > 0.001);
    CHECK(volatility[i] < 0.05);
    CHECK(std::abs(mean[i]) < volatility[i]);
    // About +-1.96 deviations around the last price.
    CHECK(low[i] ==
          doctest::Approx(before[i] * std::exp(mean[i] - 1.96 * volatility[i])).epsilon(0.005));
    CHECK(high[i] ==
          doctest::Approx(before[i] * std::exp(mean[i] + 1.96 * volatility[i])).epsilon(0.005));
  }
  CHECK(std::isnan(price[29]));
  CHECK(days[29] > days[28]);
  // Without --out the same goes to standard output, and the remarks do not.
  const Outcome printed = run_program(kName, {"--load", model, "--predict", fresh});
  CHECK(printed.out == unroll::read_file(out));
  CHECK(printed.err.find("Prices are taken from column") != std::string::npos);
  CHECK(printed.err.find("The last 29 days, after 2020-12-01, on which nothing of the model") !=
        std::string::npos);
  // A prediction leans on nothing after its day.
  const std::string shorter = folder.write("shorter.csv", prices(300, 320, "day,value in EUR"));
  const std::string early = run_program(kName, {"--load", model, "--predict", shorter}).out;
  CHECK(early.substr(0, early.size() / 2) == printed.out.substr(0, early.size() / 2));
}

TEST_CASE("a loaded model knows from its dates which days it was not trained on") {
  const Folder folder;
  const std::string all = folder.write("all.csv", prices(0, 300)),
                    longer = folder.write("longer.csv", prices(0, 340)),
                    later = folder.write("later.csv", prices(290, 340)),
                    early = folder.write("early.csv", prices(0, 200)),
                    undated = folder.write("undated.csv", prices(0, 300, "Close", false));
  const std::string model = trained(folder, all);
  const auto said = [&](const std::string& file, const std::string& of) {
    const Outcome result = run_program(kName, {"--load", of, "--csv", file});
    CHECK_MESSAGE(result.code == 0, result.err);
    return result.out;
  };
  const auto has = [&](std::string text, const std::string& words) {
    std::replace(text.begin(), text.end(), '\n', ' ');  // lines end anywhere
    CAPTURE(text);
    CHECK(text.find(words) != std::string::npos);
  };
  // 300 days: the middle part ends with day 240.
  has(said(all, model),
      "The last 60 days, after 2020-12-01, on which nothing of the model was fitted");
  has(said(longer, model), "The last 100 days, after 2020-12-01, on which nothing");
  has(said(later, model), "The last 49 days, after 2020-12-01, on which nothing");
  const std::string seen = said(early, model);
  has(seen, "was fitted on days up to 2020-12-01: none of these are new, nothing is scored");
  CHECK(seen.find("nll") == std::string::npos);
  has(seen, "The day after the file's last");
  has(said(undated, model), "is not known, as the file has no dates");
  // Without dates the prices tell.
  const std::string other = trained(folder, undated);
  has(said(undated, other), "The last 60 days on which nothing of the model was fitted");
  has(said(folder.write("u2.csv", prices(5, 300, "Close", false)), other), "is not known");
  has(said(all, other), "the model's file had no dates");
}

TEST_CASE("a model of several columns requires the same columns; other model files are refused") {
  const Folder folder;
  const std::string model = folder / "four";
  REQUIRE(run_program(kName, {"--model", "rnn", "--epochs", "1", "--save", model}).code == 0);
  const std::string sample = UNROLL_SOURCE_DIR "/data/samples/eustockmarkets.csv";
  const Outcome four = run_program(kName, {"--load", model, "--predict", sample});
  CHECK(four.out.find(",FTSE,") != std::string::npos);
  check_refused(kName, {"--load", model, "--predict", folder.write("one.csv", prices(0, 30))},
                "a column \"DAX\" was required");
  check_refused(kName, {"--load", sample, "--predict", sample}, "eustockmarkets.csv");
  check_refused(kName, {"--load", model, "--predict", sample, "--out", sample}, "--out: a file");
  check_refused(kName, {"--load", model, "--predict", sample, "--out", model}, "--out: a file");
}
