// Reads tables of unknown layout.
#pragma once

#include <unroll/data/table/csv.h>

#include <cstddef>
#include <string>

namespace unroll::data {

struct SniffedTable {
  Table table;              // names and cells, without blanks around them
  char separator = ',';     // ' ' if fields are separated by blanks only
  bool has_names = true;    // false: the columns are called "column 1", "column 2", ...
  std::size_t before = 0;   // lines above the names, such as titles
  std::size_t partial = 0;  // rows with fewer fields than the first line; filled with empty cells
};

// Detects the separator (comma, semicolon, tab, bar, blanks), skips lines above the column names,
// and takes names from the first line unless it contains only numbers. Empty rows are skipped.
// Throws std::runtime_error with the line of a row that has more fields than the first line, as
// happens with unquoted numbers such as 69,507.2.
SniffedTable sniff_table(const std::string& text, const std::string& source = "text");

}  // namespace unroll::data
