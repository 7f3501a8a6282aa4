// Numbers as people write them.
#include "tests/tensor/scratch.h"

#include <unroll/data/table/numbers.h>
#include <unroll/tensor/random.h>

#include <cmath>

using namespace unroll;
using namespace unroll::data;

namespace {

Table column_of(const std::vector<std::string>& cells) {
  std::vector<Table::Row> rows;
  for (const std::string& cell : cells) rows.push_back({{cell}, static_cast<int>(rows.size()) + 2});
  return {"t.csv", {"n"}, rows};
}

// Whole part and hundredths with groups of three digits.
std::string written(Index hundredths, char group, char decimal) {
  const std::string whole = std::to_string(hundredths / 100);
  std::string out;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    if (i > 0 && (whole.size() - i) % 3 == 0 && group != 0) out += group;
    out += whole[i];
  }
  return out + decimal + fmt::format("{:02}", hundredths % 100);
}

}  // namespace

TEST_CASE("a number is read with a sign, a currency, groups of digits, a percent sign or a power") {
  const auto value = [](const std::string& text, char decimal = '.') {
    const auto n = read_number(text, decimal);
    return n ? n->value : NAN;
  };
  CHECK(value("69,507.2") == 69507.2);
  CHECK(value("1.234,56", ',') == 1234.56);
  CHECK(value(" $595.01 ") == 595.01);
  CHECK(value("-$5") == -5);
  CHECK(value("$-5") == -5);
  CHECK(value("(1,234)") == -1234);
  CHECK(value("\u22125.5") == -5.5);
  CHECK(value("1'234.5") == 1234.5);
  CHECK(value("1\u202F234,5", ',') == 1234.5);
  CHECK(value("1 234 567") == 1234567);
  CHECK(value("12,34,567.5") == 1234567.5);  // India
  CHECK(value("130.46K") == doctest::Approx(130460));
  CHECK(value("2.5B") == 2.5e9);
  CHECK(value("1.5e-3") == 1.5e-3);
  CHECK(value(".5") == 0.5);
  CHECK(value("'7") == 7);
  CHECK(read_number("-1.63%")->value == -1.63);
  CHECK(read_number("-1.63%")->percent);
  CHECK(read_number("12 EUR")->unit == "EUR");
  CHECK(read_number("12,300원")->unit == "원");
  for (const char* text : {"", "x", "1.2.3", "1,2", "12,34", "1,234,56", "1234,567", "--5", "+-5",
                           "$", "%", "1e999", "inf", "0x10", "12 apples", "1.234,56", "5-3"}) {
    CAPTURE(text);
    CHECK_FALSE(read_number(text).has_value());
  }
}

TEST_CASE("cells such as NA and null are missing values, numbers and words are not") {
  for (const char* text : {"", " ", "null", "NULL", ".", "N/A", "n/a", "NA", "NaN", "-", "--",
                           "#N/A", "\u2014", "None", "?"})
    CHECK(is_missing(text));
  for (const char* text : {"0", "-1", "x", "closed", ".5"}) CHECK_FALSE(is_missing(text));
}

TEST_CASE("the decimal mark of a cell is detected, or that it may be either") {
  CHECK(decimal_mark("1.5") == DecimalMark::point);
  CHECK(decimal_mark("1,5") == DecimalMark::comma);
  CHECK(decimal_mark("1,234.5") == DecimalMark::point);
  CHECK(decimal_mark("1.234.567") == DecimalMark::comma);
  CHECK(decimal_mark("0,123") == DecimalMark::comma);
  CHECK(decimal_mark("1234,567") == DecimalMark::comma);
  CHECK(decimal_mark("1,234") == DecimalMark::either);
  CHECK(decimal_mark("1.234") == DecimalMark::either);
  CHECK(decimal_mark("1234") == DecimalMark::unknown);
  CHECK(decimal_mark("word") == DecimalMark::unknown);
}

TEST_CASE("a column of numbers is read back exactly in each notation") {
  Generator g(3);
  for (int round = 0; round < 200; ++round) {
    const char decimal = g.below(2) ? '.' : ',';
    const char groups[]{decimal == '.' ? ',' : '.', '\'', ' ', '\0'};
    const char group = groups[g.below(4)];
    std::vector<std::string> cells;
    std::vector<double> values;
    for (int i = 0; i < 20; ++i) {
      const Index n = g.below(1) + g.below(i % 2 ? 100000 : 1000000000);
      values.push_back(static_cast<double>(n) / 100);
      cells.push_back(written(n, group, decimal));
    }
    const NumberColumn column = number_column(column_of(cells), 0);
    CHECK(column.decimal == decimal);
    CHECK(column.doubtful.empty());
    for (std::size_t i = 0; i < cells.size(); ++i)
      CHECK(column.values[i] == doctest::Approx(values[i]).epsilon(1e-14));
  }
}

TEST_CASE(
    "a column without a decimal mark uses that of other columns, or is reported as doubtful") {
  CHECK(number_column(column_of({"1,234", "2,345"}), 0).values[0] == 1234);
  CHECK(number_column(column_of({"1,234", "2,345"}), 0).doubtful == "1,234");
  CHECK(number_column(column_of({"1,234"}), 0, ',').values[0] == 1.234);
  CHECK(number_column(column_of({"1,234", "2345"}), 0).values[0] == 1.234);  // 2345 has no group
  const Table two("t", {"a", "b"}, {{{"1.234", "1,5"}, 2}, {{"2.345", "1.234,5"}, 3}});
  CHECK(number_column(two, 0).values == std::vector<double>{1234, 2345});
  CHECK(number_column(two, 0).doubtful.empty());
}

TEST_CASE("a column with two decimal marks, two units or a word is refused with its line") {
  const auto says = [](const std::vector<std::string>& cells, const std::string& part) {
    check_says(message_of([&] { number_column(column_of(cells), 0); }), part);
  };
  says({"1.5", "1,5"},
       "one decimal mark was required in column 1 (\"n\"): got \"1.5\" in line 2 and "
       "\"1,5\" in line 3");
  says({"$1", "2", "€3"},
       "t.csv:4: one unit was required in column 1 (\"n\"), $ as before: got \"€3\"");
  says({"1", "closed"}, "t.csv:3: a number was required in column 1 (\"n\"): got \"closed\"");
  const NumberColumn good = number_column(column_of({"$1", "null", "2"}), 0);
  CHECK(good.missing == 1);
  CHECK(good.unit == "$");
  CHECK(std::isnan(good.values[1]));
}

TEST_CASE("reading any cell as a number gives a number or none, and never crashes") {
  Generator g(4);
  const std::string letters = "01239.,-+ '()%$KeE";
  for (int round = 0; round < 20000; ++round) {
    std::string cell;
    for (Index i = g.below(9); i > 0; --i)
      cell += letters[static_cast<std::size_t>(g.below(static_cast<Index>(letters.size())))];
    for (const char decimal : {'.', ','})
      if (const auto n = read_number(cell, decimal)) CHECK(std::isfinite(n->value));
    decimal_mark(cell);
  }
}
