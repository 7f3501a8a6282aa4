// Tables whose layout is not known beforehand.
#pragma once

#include <unroll/data/table/csv.h>

#include <cstddef>
#include <string>

namespace unroll::data {

struct SniffedTable {
  Table table;              // names and cells without blanks around them
  char separator = ',';     // ' ' where fields stand apart by blanks alone
  bool has_names = true;    // false: the columns are called "column 1", "column 2", ...
  std::size_t before = 0;   // lines above the names, such as a title
  std::size_t partial = 0;  // rows with less fields than the first line; the rest is empty
};

// Finds the separator (comma, semicolon, tab, bar, blanks), passes over lines above the names of
// the columns, and takes names from the first line unless that has numbers only. Rows that are
// empty are left out. Throws std::runtime_error with line where a row has more fields than the
// first line, as numbers such as 69,507.2 without quotes make it have.
SniffedTable sniff_table(const std::string& text, const std::string& source = "text");

}  // namespace unroll::data
