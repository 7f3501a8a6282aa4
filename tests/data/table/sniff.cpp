// Tables whose layout is not known beforehand.
#include "tests/tensor/scratch.h"

#include <unroll/data/table/sniff.h>

using namespace unroll;
using namespace unroll::data;
using Names = std::vector<std::string>;

TEST_CASE("the separator is detected whatever the cells contain") {
  const auto columns = [](const std::string& text, char separator, const Names& names,
                          const std::string& last) {
    const SniffedTable t = sniff_table(text);
    CHECK(t.separator == separator);
    CHECK(t.table.names() == names);
    CHECK(t.table.cell(t.table.rows() - 1, names.size() - 1) == last);
  };
  columns("Date,Close\n2024-11-01,5\n", ',', {"Date", "Close"}, "5");
  columns("Date;Close\n01.11.2024;1.234,56\n02.11.2024;1.235,56\n", ';', {"Date", "Close"},
          "1.235,56");
  columns("Date\tPrice\nNov 01, 2024\t69,507.2\n", '\t', {"Date", "Price"}, "69,507.2");
  columns("\"Date\", \"Price\" \n\"11/01/2024\", \"69,507.2\"\n", ',', {"Date", "Price"},
          "69,507.2");
  columns("a|b|c\n1|2,5|3\n", '|', {"a", "b", "c"}, "3");
  columns("Date        Close\n2024-11-01   5.5\n2024-11-02  16.5 \n", ' ', {"Date", "Close"},
          "16.5");
  columns("sep=;\r\na;b\r\n1,5;2,5\r\n", ';', {"a", "b"}, "2,5");
  columns("Close\n1.5\n2.5\n", '\t', {"Close"}, "2.5");
  columns("Kurs\n1234,5\n2345,75\n", '\t', {"Kurs"}, "2345,75");
  columns(
      "\xEF\xBB\xBF"
      "Date , Close\n2024-11-01 , 5\n",
      ',', {"Date", "Close"}, "5");
}

TEST_CASE("lines above the column names are skipped, and a table without names gets default ones") {
  const SniffedTable titled =
      sniff_table("Prices of X\n\nDate,Close,Volume\n2024-11-01,5,1\n2024-11-02,6,1\n");
  CHECK(titled.before == 1);
  CHECK(titled.table.names() == Names{"Date", "Close", "Volume"});
  const SniffedTable remarks = sniff_table("# source, X\n# a, b\nDate,Close\n2024-11-01,5\n");
  CHECK(remarks.before == 2);
  CHECK(remarks.table.names() == Names{"Date", "Close"});
  CHECK(sniff_table("#Date,Close\n2024-11-01,5\n").table.names() == Names{"#Date", "Close"});
  const SniffedTable two = sniff_table("Prices of X\nDate,Close\n2024-11-01,5\n2024-11-02,6\n");
  CHECK(two.before == 1);
  CHECK(two.table.rows() == 2);
  const SniffedTable bare = sniff_table("2024-11-01,5\n2024-11-02,6\n");
  CHECK_FALSE(bare.has_names);
  CHECK(bare.table.names() == Names{"column 1", "column 2"});
  CHECK(bare.table.rows() == 2);
  const SniffedTable r =
      sniff_table("\"DAX\",\"SMI\"\n\"1\",1628.75,1678.1\n\"2\",1613.63,1688.5\n");
  CHECK(r.table.names() == Names{"", "DAX", "SMI"});
  CHECK(r.table.cell(1, 1) == "1613.63");
  CHECK(sniff_table("Date,Close\n").table.rows() == 0);
}

TEST_CASE("empty rows are left out, partial ones are filled, and those with more are refused") {
  const SniffedTable t = sniff_table("a,b,\n1,2,\n,,\n\n3\n4,5,,\n");
  CHECK(t.table.names() == Names{"a", "b"});
  CHECK(t.table.rows() == 3);
  CHECK(t.partial == 1);
  CHECK(t.table.cell(1, 0) == "3");
  CHECK(t.table.cell(1, 1).empty());
  CHECK(t.table.line(2) == 6);
  check_says(message_of([] { sniff_table("Date,Price\n11/01/2024,69,507.2\n", "p.csv"); }),
             "p.csv:2: at most 2 fields were required, as the first line has: got 3");
  check_says(message_of([] { sniff_table("\n \n", "p.csv"); }), "got an empty file");
}
