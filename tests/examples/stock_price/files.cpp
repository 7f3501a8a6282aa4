// stock_price on files as people have them: the same prices in many forms give the same numbers.
#include "tests/examples/gzipped.h"
#include "tests/examples/run_program.h"

#include <unroll/data/table/dates.h>
#include <unroll/tensor/random.h>

#include <cmath>
#include <functional>

namespace {

const std::string kName = "stock_price";
constexpr std::int64_t kDay = 86400;

struct Day {
  std::string iso;
  double price = 0;
};

// Weekdays from 2020-01-01, prices with two decimals of about this size.
std::vector<Day> days_of(int count, double size = 1234) {
  std::vector<Day> out;
  double price = size;
  for (std::int64_t day = 18262; static_cast<int>(out.size()) < count; ++day) {
    if (day % 7 == 2 || day % 7 == 3) continue;  // the weekend
    price *= std::exp(0.01 * std::sin(static_cast<double>(day * day)));
    out.push_back({unroll::data::date_text(kDay * day), std::round(100 * price) / 100});
  }
  return out;
}

std::string part(const Day& d, int which) {  // 0 year, 1 month, 2 day
  return which == 0 ? d.iso.substr(0, 4) : d.iso.substr(which == 1 ? 5 : 8, 2);
}

// "1.234,56" and the like.
std::string grouped(double price, const std::string& group, const std::string& decimal) {
  const std::string plain = fmt::format("{:.2f}", price);
  const std::string whole = plain.substr(0, plain.size() - 3);
  std::string out;
  for (std::size_t i = 0; i < whole.size(); ++i)
    out += (i > 0 && (whole.size() - i) % 3 == 0 ? group : "") + whole[i];
  return out + decimal + plain.substr(plain.size() - 2);
}

using Line = std::function<std::string(const Day&)>;
std::string text_of(const std::vector<Day>& days, const std::string& header, const Line& line) {
  std::string out = header + "\n";
  for (const Day& d : days) out += line(d) + "\n";
  return out;
}
std::string plain(const Day& d) { return fmt::format("{},{:.2f}", d.iso, d.price); }

// What must not depend on the form.
struct Summary {
  double rows = 0, ewma = 0, garch = 0, price = 0, volatility = 0;
  bool operator==(const Summary&) const = default;
};
Summary summary_of(const std::string& file, const std::string& column,
                   std::vector<std::string> more = {}) {
  more.insert(more.end(), {"--csv", file, "--model", "none"});
  const Numbers n = numbers_of(kName, more);
  return {n["days.train"] + n["days.validation"] + n["days.test"], n[column + ".nll.ewma"],
          n[column + ".nll.garch"], n[column + ".tomorrow.price"],
          n[column + ".tomorrow.volatility"]};
}

std::string utf16(const std::string& ascii) {
  std::string out = "\xFF\xFE";
  for (const char c : ascii) out += std::string{c, '\0'};
  return out;
}

}  // namespace

TEST_CASE(
    "the same prices give the same results in any order, date format, number format and encoding") {
  const Folder folder;
  const std::vector<Day> days = days_of(260);
  std::vector<Day> newest_first(days.rbegin(), days.rend()), shuffled;
  unroll::Generator g(1);
  for (const unroll::Index i : g.permutation(260))
    shuffled.push_back(days[static_cast<std::size_t>(i)]);
  const Summary expected =
      summary_of(folder.write("plain.csv", text_of(days, "Date,Close", plain)), "close");
  CHECK(expected.rows == 259);
  const auto same = [&](const std::string& bytes, const std::string& column = "close") {
    CHECK(summary_of(folder.write("prices", bytes), column) == expected);
  };
  same(text_of(newest_first, "Date,Close", plain));
  same(text_of(shuffled, "Date,Close", plain));
  same("\xEF\xBB\xBF" + text_of(days, "\"Date\",\"Close\"", plain));
  same(utf16(text_of(days, "Date,Close", plain)));
  same(gzipped(text_of(newest_first, "Date,Close", plain)));
  same(text_of(newest_first, "\"Date\",\"Price\",\"Open\",\"Vol.\",\"Change %\"",
               [](const Day& d) {
                 return fmt::format("\"{}/{}/{}\",\"{}\",\"1.0\",\"130.46K\",\"-1.10%\"",
                                    part(d, 1), part(d, 2), part(d, 0), grouped(d.price, ",", "."));
               }),
       "price");
  same(text_of(days, "Datum;Schlusskurs;Volumen",
               [](const Day& d) {
                 return fmt::format("{}.{}.{};{};1.234.567", part(d, 2), part(d, 1), part(d, 0),
                                    grouped(d.price, ".", ","));
               }),
       "schlusskurs");
  same(text_of(newest_first, "날짜,종가,오픈,거래량,변동 %",
               [](const Day& d) {
                 return fmt::format("{}년 {}월 {}일,\"{}\",1.0,312.18M,-1.63%", part(d, 0),
                                    part(d, 1), part(d, 2), grouped(d.price, ",", "."));
               }),
       "종가");
  same(text_of(days, "\xB3\xAF\xC2\xA5,\xC1\xBE\xB0\xA1", plain), "종가");  // CP949
  same(text_of(days, "time\tclose", [&](const Day& d) {
    const auto at = static_cast<std::int64_t>(&d - days.data());
    (void)at;
    const unroll::data::Table one("", {"Date"}, {{{d.iso}, 1}});
    const auto dates = unroll::data::date_column(one, 0);
    return fmt::format("{}\t${:.2f}", *dates->seconds[0] + 52200, d.price);
  }));
  const std::vector<std::string> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  same(text_of(newest_first, "Date\tClose/Last",
               [&](const Day& d) {
                 const auto month = static_cast<std::size_t>(std::stoi(part(d, 1))) - 1;
                 return fmt::format("{} {}, {}\t${}", months[month], part(d, 2), part(d, 0),
                                    grouped(d.price, ",", "."));
               }),
       "close_last");
}

TEST_CASE("rows without a price, empty rows, remarks and blanks are skipped and counted") {
  const Folder folder;
  const std::vector<Day> days = days_of(260);
  const Summary expected =
      summary_of(folder.write("plain.csv", text_of(days, "Date,Close", plain)), "close");
  int i = 0;
  std::string text =
      "Prices of X\n" +
      text_of(days, " Date , Open , Close ",
              [&](const Day& d) {
                const std::string gap[]{"null", ".", "N/A", "-", ""};
                ++i;
                // A holiday after each Friday, on its Saturday.
                const std::string holiday =
                    i % 50 == 0 ? fmt::format("{}T23:59:59, 1.0 , {} \n", d.iso, gap[i / 50 - 1])
                                : "";
                return fmt::format("{}, 1.0 , {:.2f} \n{},,", d.iso, d.price, holiday);
              }) +
      "Source: somebody,,\n";
  const std::string file = folder.write("gaps.csv", text);
  const Numbers n = numbers_of(kName, {"--csv", file, "--model", "none"});
  CHECK(n["days.closed"] == 5);
  CHECK(n["close.nll.ewma"] == expected.ewma);
  const Outcome said = run_program(kName, {"--csv", file, "--model", "none"});
  CHECK(said.out.find("5 rows without any price left out.") != std::string::npos);
  CHECK(said.out.find("1 line above the names of the columns was left out.") != std::string::npos);
  CHECK(said.out.find("1 row without date and price left out.") != std::string::npos);
  CHECK(said.out.find("Prices are taken from column \"Close\"") != std::string::npos);
}

TEST_CASE("duplicate days and mixed tickers are refused; --ticker selects one") {
  const Folder folder;
  const std::vector<Day> days = days_of(230);
  std::vector<Day> twice = days;
  twice.push_back(days[7]);
  check_refused(
      kName, {"--csv", folder.write("twice.csv", text_of(twice, "Date,Close", plain))},
      "one row for each day was required: got two of " + days[7].iso + ", in lines 9 and 232");
  std::string stacked = "Date,Symbol,Close\n", odd = "Date,Exchange,Close\n";
  for (const Day& d : days) {
    stacked += fmt::format("{},AAA,{}\n", d.iso, d.price);
    odd += fmt::format("{},Seoul,{}\n", d.iso, d.price);
  }
  for (const Day& d : days) {
    stacked += fmt::format("{},BBB,{}\n", d.iso, 2 * d.price);
    odd += fmt::format("{},Tokyo,{}\n", d.iso, 2 * d.price);
  }
  const std::string file = folder.write("stacked.csv", stacked);
  check_refused(kName, {"--csv", file},
                "prices of one ticker were required: got AAA, BBB and maybe more in column "
                "\"Symbol\"; add --ticker AAA");
  check_refused(kName, {"--csv", file, "--ticker", "CCC"}, "rows of --ticker CCC were required");
  const Summary a = summary_of(file, "close", {"--ticker", "AAA"}),
                b = summary_of(file, "close", {"--ticker", "BBB"});
  CHECK(b.price == 2 * a.price);
  CHECK(b.ewma == doctest::Approx(a.ewma));
  check_refused(kName, {"--csv", folder.write("odd.csv", odd)},
                "they differ in column \"Exchange\": Seoul and Tokyo; --ticker takes one");
  CHECK(summary_of(folder / "odd.csv", "close", {"--ticker", "Tokyo"}) == b);
}

TEST_CASE("the price column is detected, or the candidates are listed") {
  const Folder folder;
  const std::vector<Day> days = days_of(230);
  const auto file = [&](const std::string& header) {
    return folder.write("p.csv", text_of(days, header, [](const Day& d) {
                          return fmt::format("{},{:.2f},{:.2f},{}", d.iso, d.price, d.price / 2, 5);
                        }));
  };
  const double price = summary_of(file("Date,Close,Open,Volume"), "close").price;
  CHECK(summary_of(file("Date,Close,Adj Close,Volume"), "adj_close").price ==
        doctest::Approx(price / 2).epsilon(1e-3));
  CHECK(run_program(kName, {"--csv", folder / "p.csv", "--model", "none"})
            .out.find("there are also Close (--columns)") != std::string::npos);
  CHECK(summary_of(file("Date,DEXUSEU,Open,Volume"), "dexuseu").price == price);
  check_refused(kName, {"--csv", file("Date,AAA,BBB,Volume")},
                "one column with closing prices was required: got AAA, BBB; add --columns");
  CHECK(summary_of(folder / "p.csv", "bbb", {"--columns", "bbb"}).price > 0);
  check_refused(kName, {"--csv", file("Date,Open,High,Volume")},
                "a column with prices was required: got the columns Date, Open, High, Volume");
  check_refused(kName, {"--csv", folder.write("h.csv", "Date,Close\n")},
                "rows with prices were required: got names of columns only");
  check_refused(kName, {"--csv", folder.write("e.csv", "")}, "got an empty file");
}

TEST_CASE("files of one column, without names, or of much greater length are read") {
  const Folder folder;
  std::vector<Day> days = days_of(260);
  const Summary dated =
      summary_of(folder.write("plain.csv", text_of(days, "Date,Close", plain)), "close");
  const auto one = [](const Day& d) { return fmt::format("{:.2f}", d.price); };
  CHECK(summary_of(folder.write("one.csv", text_of(days, "Close", one)), "close") == dated);
  const std::string bare = text_of(days, "Date,Close", plain).substr(11);
  CHECK(summary_of(folder.write("bare.csv", bare), "column_2") == dated);
  const Summary longer =
      summary_of(folder.write("long.csv", text_of(days_of(2600), "Date,Close", plain)), "close");
  CHECK(longer.rows == 2599);
}

TEST_CASE("an ambiguous order of dates or decimal mark must be given as an option") {
  const Folder folder;
  std::string months = "Date,Close\n", doubtful = "Datum\tKurs\n";
  int i = 0;
  for (const Day& d : days_of(240, 100)) {  // the first of each month: day and month alike
    months += fmt::format("01/{:02}/{},{:.2f}\n", i % 12 + 1, 1990 + i / 12, d.price);
    doubtful += fmt::format("{}\t{}.{:03}\n", d.iso, 100 + i % 7, (i * 37) % 900 + 100);
    ++i;
  }
  const std::string file = folder.write("months.csv", months);
  check_refused(kName, {"--csv", file}, "say their order: dmy, mdy or ymd");
  CHECK(summary_of(file, "close", {"--date-order", "dmy"}).rows == 239);
  const std::string kurs = folder.write("kurs.csv", doubtful);
  CHECK(
      run_program(kName, {"--csv", kurs, "--model", "none"}).out.find("--decimal says otherwise") !=
      std::string::npos);
  CHECK(summary_of(kurs, "kurs", {"--decimal", ","}).price >
        900 * summary_of(kurs, "kurs", {"--decimal", "."}).price);
  check_refused(kName, {"--csv", kurs, "--decimal", ";"}, "--decimal");
}

TEST_CASE("numbers that cannot be prices are refused with their line") {
  const Folder folder;
  const auto refused = [&](const std::string& cell, const std::string& words) {
    int i = 0;
    const std::string text = text_of(days_of(230), "Date;Close", [&](const Day& d) {
      return ++i == 100 ? d.iso + ";" + cell : fmt::format("{};{:.2f}", d.iso, d.price);
    });
    check_refused(kName, {"--csv", folder.write("p.csv", text)}, words);
  };
  refused("0", "p.csv:101: a price above 0 was required in column \"Close\": got 0");
  refused("-3.5", "got -3.5");
  refused("closed", "p.csv:101: a number was required in column 2 (\"Close\"): got \"closed\"");
  refused("1,5", "one decimal mark was required");
  refused("5%", "got percentages");
  std::string text = text_of(days_of(230), "Date,Price", plain);
  text += "total,17\n";
  check_refused(kName, {"--csv", folder.write("p.csv", text)},
                "p.csv:232: a date was required in column \"Date\": got \"total\"");
  check_refused(kName, {"--csv", folder.write("t.csv", "Date,Price\n11/01/2024,69,507.2\n")},
                "t.csv:2: at most 2 fields were required");
}

TEST_CASE("the exports of ten sites and programs are read") {
  const Folder folder;
  const std::vector<Day> days = days_of(260);
  const std::vector<Day> newest_first(days.rbegin(), days.rend());
  const Summary expected =
      summary_of(folder.write("plain.csv", text_of(days, "Date,Close", plain)), "close");
  const auto same = [&](const std::string& text, const std::string& column) {
    CHECK(summary_of(folder.write("prices", text), column) == expected);
  };
  const auto compact = [](const Day& d) { return part(d, 0) + part(d, 1) + part(d, 2); };
  // yfinance: three lines of names.
  same(text_of(days, "Price,Close,Volume\nTicker,AAPL,AAPL\nDate,,",
               [](const Day& d) { return plain(d) + ",100"; }),
       "close");
  same(text_of(newest_first, "https://www.example.com\nunix,date,symbol,open,close,Volume USDT",
               [](const Day& d) {
                 return fmt::format("1577836800000,{} 00:00:00,BTC/USDT,1,{:.2f},6", d.iso,
                                    d.price);
               }),
       "close");
  same(text_of(days, "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<CLOSE>,<VOL>",
               [&](const Day& d) {
                 return fmt::format("X.US,D,{},000000,1,{:.2f},7", compact(d), d.price);
               }),
       "_close_");
  same(text_of(newest_first, "Date\tOpen\tClose*\tAdj Close**\tVolume",
               [](const Day& d) {
                 return fmt::format("{}\t1\t1\t{}\t1,234\n{}\t0.25 Dividend", d.iso,
                                    grouped(d.price, ",", "."), d.iso);
               }),
       "adj_close__");
  same(text_of(days, ",Date,Close", [](const Day& d) { return "7," + plain(d); }), "close");
  int n = 0;
  same(text_of(days, "\"Date\",\"Close\"",
               [&](const Day& d) { return fmt::format("\"{}\",{}", ++n, plain(d)); }),
       "close");
  same(text_of(days, "Date Close",
               [](const Day& d) { return fmt::format("{} {:.2f}", d.iso, d.price); }),
       "close");
  same(text_of(
           days, "Date,Open,Close",
           [](const Day& d) { return fmt::format("{} 00:00:00-05:00,1,{:.2f}", d.iso, d.price); }),
       "close");
  same(text_of(newest_first, "\"Datum\",\"Zuletzt\",\"Eröffn.\",\"+/- %\"",
               [](const Day& d) {
                 return fmt::format("\"{}.{}.{}\",\"{}\",\"1,0\",\"-0,50%\"", part(d, 2),
                                    part(d, 1), part(d, 0), grouped(d.price, ".", ","));
               }),
       "zuletzt");
  same(text_of(days, "# licence, none\nDate,Change %,Last",
               [](const Day& d) { return fmt::format("{},0.5%,{:.2f}", d.iso, d.price); }),
       "last");
  check_refused(
      kName,
      {"--csv", folder.write("twice", text_of(days, "Date,Close,Close",
                                              [](const Day& d) { return plain(d) + ",5"; }))},
      "one column \"Close\" was required: got several of this name");
  check_refused(
      kName,
      {"--csv", folder.write("weeks", text_of(days, "Date,Close",
                                              [](const Day& d) { return "week " + plain(d); }))},
      "weeks:2: a date such as 2024-11-01 was required in column \"Date\"");
}

TEST_CASE("files as people have them are read" *
          doctest::skip(!std::filesystem::exists("../shared/data/local/prices_nulls.csv"))) {
  const std::string local = "../shared/data/local/";
  CHECK(summary_of(local + "prices_nulls.csv", "adj_close").rows > 2000);
  CHECK(summary_of(local + "prices_dots.csv", "dexuseu").rows > 5000);
  const Summary bitcoin = summary_of(local + "prices_descending_thousands.csv", "price");
  CHECK(bitcoin.price == 69507.2);
  CHECK(summary_of(local + "prices_korean_descending.csv", "종가").price == 307.14);
}
