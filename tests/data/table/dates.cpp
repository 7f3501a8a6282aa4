// Dates as people write them.
#include "tests/tensor/scratch.h"

#include <unroll/data/table/dates.h>
#include <unroll/tensor/random.h>

using namespace unroll;
using namespace unroll::data;

namespace {

Table column_of(const std::vector<std::string>& cells, const std::string& name = "Date") {
  std::vector<Table::Row> rows;
  for (const std::string& cell : cells) rows.push_back({{cell}, static_cast<int>(rows.size()) + 2});
  return {"t.csv", {name}, rows};
}

std::string read(const std::string& cell, const std::string& name = "Date") {
  const auto dates = date_column(column_of({cell}, name), 0);
  if (!dates || !dates->seconds[0]) return "none";
  return date_text(*dates->seconds[0], {.with_time = dates->with_time});
}

constexpr std::int64_t kDay = 86400;

}  // namespace

TEST_CASE("one date in many formats") {
  for (const char* text : {"2024-11-01",
                           "2024/11/01",
                           "2024.11.01",
                           "2024. 11. 1.",
                           "20241101",
                           "Nov 01, 2024",
                           "November 1, 2024",
                           "1-Nov-2024",
                           "01-Nov-24",
                           "1st November 2024",
                           "Fri, Nov 1, 2024",
                           "Friday, 1 Nov 2024",
                           "2024년 11월 1일",
                           "2024년11월01일",
                           "2024年11月1日",
                           "2024-Nov-01",
                           "2024-11-01 00:00:00",
                           "2024-11-01T00:00:00-04:00",
                           "2024-11-01T00:00:00.000Z",
                           "2024-11-01 12:00 AM",
                           "2024.11.01 (금)",
                           "1.11.2024",
                           "Nov-01-2024",
                           " 2024-11-01 "}) {
    CAPTURE(text);
    CHECK(read(text) == "2024-11-01");
  }
  CHECK(read("2024-11-01 16:30") == "2024-11-01 16:30:00");
  CHECK(read("13-11-2024 4:30 PM") == "2024-11-13 16:30:00");
  CHECK(read("2024-11") == "2024-11-01");
  CHECK(read("1969-12-31") == "1969-12-31");
  CHECK(read("31-Dec-69") == "1969-12-31");
}

TEST_CASE(
    "seconds, milliseconds, days of a spreadsheet and years are dates where the name says so") {
  CHECK(read("1730419200") == "2024-11-01");
  CHECK(read("1730419200000", "timestamp") == "2024-11-01");
  CHECK(read("1730471400.5", "time") == "2024-11-01 14:30:00");
  CHECK(read("45597") == "2024-11-01");
  CHECK(read("1991.4962", "year_frac") == "1991-07-01");
  CHECK(read("1730419200", "Volume") == "none");
  CHECK(read("45597", "Price") == "none");
  CHECK(read("1991.4962", "Close") == "none");
}

TEST_CASE("cells that are not dates give no date") {
  for (const char* text : {"", "x", "2024-13-01", "2024-02-30", "2023-02-29", "1.5", "1628.75",
                           "699,507", "-1.63%", "Monday", "May", "12:30", "1/2", "99/99/9999",
                           "2024-11-01-05", "November", "Q1 2024", "$5", "1499-01-01"}) {
    CAPTURE(text);
    CHECK(read(text) == "none");
  }
}

TEST_CASE(
    "the order of day and month follows from the cells or from increasing dates, otherwise it must "
    "be given") {
  const auto first = [](const std::vector<std::string>& cells,
                        DateOrder order = DateOrder::unknown) {
    return date_text(*date_column(column_of(cells), 0, order)->seconds[0]);
  };
  CHECK(first({"03/04/2024", "03/13/2024"}) == "2024-03-04");
  CHECK(first({"03/04/2024", "13/04/2024"}) == "2024-04-03");
  CHECK(first({"03/04/2024", "04/04/2024", "02/05/2024"}) == "2024-04-03");  // else not in order
  CHECK(first({"03/04/24", "03/13/24"}) == "2024-03-04");
  CHECK(first({"24/03/04", "24/03/05", "24/03/31"}) == "2024-03-04");
  CHECK(first({"03.04.2024"}) == "2024-04-03");
  CHECK(first({"03/04/2024"}, DateOrder::mdy) == "2024-03-04");
  CHECK(first({"03/04/2024"}, DateOrder::dmy) == "2024-04-03");
  check_says(message_of([] {
               date_column(column_of({"03/04/2024", "03/04/2024"}), 0);
             }),
             "dates of which day and month can be told apart were required in column 1 (\"Date\"): "
             "got \"03/04/2024\" and the like; say their order: dmy, mdy or ymd");
}

TEST_CASE("consecutive days in any date format are read as consecutive days") {
  Generator g(5);
  const std::vector<std::string> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  for (int round = 0; round < 100; ++round) {
    const std::int64_t start = kDay * (g.below(20000) - 2000);
    const Index form = g.below(6);
    std::vector<std::string> cells;
    for (int i = 0; i < 40; ++i) {
      const std::string iso = date_text(start + kDay * i), y = iso.substr(0, 4),
                        m = iso.substr(5, 2), d = iso.substr(8, 2);
      const std::string& name = months[static_cast<std::size_t>(std::stoi(m)) - 1];
      cells.push_back(form == 0   ? iso
                      : form == 1 ? d + "/" + m + "/" + y
                      : form == 2 ? m + "/" + d + "/" + y
                      : form == 3 ? name + " " + d + ", " + y
                      : form == 4 ? y + "년 " + m + "월 " + d + "일"
                                  : d + "." + m + "." + y);
    }
    const auto dates = date_column(column_of(cells), 0);
    REQUIRE(dates.has_value());
    for (int i = 0; i < 40; ++i)
      CHECK(*dates->seconds[static_cast<std::size_t>(i)] == start + kDay * i);
  }
}

TEST_CASE("a column of dates may have a few other cells, and is found without its name") {
  CHECK(date_column(column_of({"2024-11-01", "2024-11-02", "2024-11-03", "2024-11-04", "total"}), 0)
            ->seconds[4] == std::nullopt);
  CHECK_FALSE(date_column(column_of({"2024-11-01", "x"}), 0).has_value());
  const Table table(
      "t", {"Volume", "day", "updated", "Close"},
      {{{"20241301", "5", "2024-11-01", "7"}, 2}, {{"20249999", "6", "2024-11-02", "8"}, 3}});
  CHECK(find_date_column(table) == 2);
  const Table none("t", {"a", "b"}, {{{"1.5", "2"}, 2}});
  CHECK_FALSE(find_date_column(none).has_value());
  const Table named("t", {"published", "Date"}, {{{"2024-11-01", "2024-11-02"}, 2}});
  CHECK(find_date_column(named) == 1);
}

TEST_CASE("reading any cell as a date gives a date or none, and never crashes") {
  Generator g(6);
  const std::string letters = "0129-/.:, TNovPM";
  for (int round = 0; round < 20000; ++round) {
    std::string cell;
    for (Index i = g.below(14); i > 0; --i)
      cell += letters[static_cast<std::size_t>(g.below(static_cast<Index>(letters.size())))];
    try {
      (void)read(cell);
    } catch (const std::runtime_error&) {  // the order cannot be told
    }
  }
}
