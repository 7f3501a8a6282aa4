// CSV: what is quoted, missing, ragged; where an error stands.
#include "tests/tensor/scratch.h"

#include <unroll/data/table/csv.h>

#include <cmath>
#include <limits>

using namespace unroll;
using namespace unroll::data;

namespace {

// A field as it must be written to be read again.
std::string as_field(const std::string& field) {
  if (field.find_first_of("\",;\n\r") == std::string::npos && !field.empty()) return field;
  std::string out = "\"";
  for (char c : field) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

}  // namespace

TEST_CASE(
    "what is written by the rules is read again, whatever the fields hold and lines end with") {
  Generator g(1);
  const std::string letters = "ab,;\"\n\r 1";
  for (int round = 0; round < 500; ++round) {
    const std::string end = round % 3 == 0 ? "\n" : round % 3 == 1 ? "\r\n" : "\r";
    const char separator = g.below(2) ? ',' : ';';
    const Index rows = g.below(5), columns = 1 + g.below(4);
    std::vector<std::vector<std::string>> cells(static_cast<std::size_t>(rows + 1));
    std::string text = g.below(2) ? "\xEF\xBB\xBF" : "";
    for (auto& row : cells) {
      for (Index c = 0; c < columns; ++c) {
        std::string field;
        for (Index i = g.below(5); i > 0; --i)
          field += letters[static_cast<std::size_t>(g.below(9))];
        if (&row == &cells[0]) field += std::to_string(c);
        text += (c ? std::string(1, separator) : std::string()) + as_field(field);
        row.push_back(field);
      }
      if (&row != &cells.back() || g.below(2)) text += end;
    }
    const Table table = parse_csv(text, "text", separator);
    REQUIRE(table.rows() == static_cast<std::size_t>(rows));
    CHECK(table.names() == cells[0]);
    for (std::size_t r = 0; r < table.rows(); ++r)
      for (std::size_t c = 0; c < cells[0].size(); ++c) CHECK(table.cell(r, c) == cells[r + 1][c]);
  }
}

TEST_CASE("empty lines are skipped; a quoted empty field is a row") {
  const Table table = parse_csv("x\n\n1\r\n\n\"\"\n2");
  CHECK(table.strings("x") == std::vector<std::string>{"1", "", "2"});
  CHECK(table.line(0) == 3);
  CHECK(table.line(1) == 5);
  CHECK(table.line(2) == 6);
}

TEST_CASE("numbers are read with signs, exponents and spaces, and missing ones are NaN") {
  const auto tiny = parse_csv("n\n1e-999\n-1e-999\n4e-320\n").numbers("n");
  CHECK(tiny == std::vector<double>{0, 0, 4e-320});
  CHECK(std::signbit(tiny[1]));
  const Table table = parse_csv("n\n1\n -2.5 \n+3\n1e3\nNA\nnan\nNaN\n\"\"\ninf\n");
  const auto n = table.numbers("n");
  REQUIRE(n.size() == 9);
  CHECK(std::vector<double>(n.begin(), n.begin() + 4) == std::vector<double>{1, -2.5, 3, 1000});
  for (std::size_t i = 4; i < 8; ++i) CHECK(std::isnan(n[i]));
  CHECK(std::isinf(n[8]));
  CHECK(table.column("n") == 0);
}

TEST_CASE("errors say file, line and column") {
  const auto says = [](const std::string& text, const std::string& part) {
    check_says(message_of([&] { parse_csv(text, "prices.csv").numbers("b"); }), part);
  };
  says("a,b\n1,2\n3\n",
       "prices.csv:3: 2 fields were required, as the first line has: got 1, without column 2 "
       "(\"b\")");
  says("a,b\n1,2\n\n3,4,5\n",
       "prices.csv:4: 2 fields were required, as the first line has: got 3, and column 3 (\"5\") "
       "has no name");
  says("a,b\n1,x\n", "prices.csv:2: a number was required in column 2 (\"b\"): got \"x\"");
  says("a,b\n1,\"two\nlines\"\n", "prices.csv:2: a number was required");
  says("a,b\n\"1\n2\",3\n4,5x\n",
       "prices.csv:4: a number was required in column 2 (\"b\"): got \"5x\"");
  says("a,b\n1,1,5\n", "prices.csv:2: 2 fields");
  says("a,b\n1,+-5\n", "got \"+-5\"");
  says("a,b\n1,+\n", "got \"+\"");
  says("a,b\n1,0x10\n", "got \"0x10\"");
  says("a,b\n1,1e999\n", "got \"1e999\"");
  says("a,b\n1,1e-999x\n", "got \"1e-999x\"");
  says("b,a,b\n1,2,3\n", "prices.csv: one column \"b\" was required: got several of this name");
  says("a,b\n1,\x01\x1B[2J" + std::string(100, 'x') + "\n",
       "got \"\\x01\\x1B[2J" + std::string(55, 'x') + "...\"");
  says("a\x01,c\n1,2\n", "got the columns a\\x01, c");
  says("a\n" + std::string("1,\x02\n"), "column 2 (\"\\x02\") has no name");
  says("a,b\n1,\"2\"\x03\n", "got '\\x03'");
  says("a,b\n1,\"2\n",
       "prices.csv:2: a closing quote was required for the field that opens here, column 2");
  says("a,b\n1,\"2\"x\n",
       "prices.csv:2: a separator was required after the closing quote in column 2: got 'x'");
  says("a,c\n1,2\n", "prices.csv: a column \"b\" was required: got the columns a, c");
  says("",
       "prices.csv: a first line with the names of the columns was required: got an empty file");
  says("\n\n", "got an empty file");
  const Table table = parse_csv("a,b,b\n1,2,3\n");
  CHECK(table.numbers("a") == std::vector<double>{1});  // what nobody asks for may come twice
  CHECK(table.cell(0, 2) == "3");
  check_refused([&] { (void)table.cell(5, 0); },
                "csv: a cell of 1 rows and 3 columns was required: got row 5, column 0");
  check_refused([&] { (void)table.cell(0, 3); }, "got row 0, column 3");
  check_refused([&] { (void)table.line(7); }, "csv: a row in [0, 1) was required: got 7");
  check_says(message_of([] { parse_csv("a", "t", '"'); }), "a separator other than a quote");
  check_says(message_of([] { parse_csv("a", "t", '\n'); }), "a separator other than a quote");
}

TEST_CASE("reading any text as a table gives a table or an error, and never crashes") {
  Generator g(2);
  const std::string letters = "a,\"\n\r1\xFF ";
  Index tables = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (Index i = g.below(20); i > 0; --i) text += letters[static_cast<std::size_t>(g.below(8))];
    const std::string message = message_of([&] { parse_csv(text); });
    tables += message == "nothing was thrown";
    if (message != "nothing was thrown") check_says(message, "text:");
  }
  CHECK(tables > 100);
  CHECK(tables < 4900);
}

TEST_CASE("a table is read from a file, and a missing file is reported with its name") {
  const Scratch scratch;
  write_file(scratch / "a.csv", "x\ty\n1\t2\n");
  CHECK(read_csv(scratch / "a.csv", '\t').numbers("y") == std::vector<double>{2});
  check_says(message_of([&] { read_csv(scratch / "a.csv").numbers("y"); }),
             (scratch / "a.csv") + ": a column \"y\"");
  check_says(message_of([&] { read_csv(scratch / "none.csv"); }), "none.csv: cannot be opened");
  check_says(message_of([&] { read_csv(scratch / "."); }), "a regular file was required");
}
