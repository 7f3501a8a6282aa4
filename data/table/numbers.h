// Numbers in tables, in the formats that people and programs write: 69,507.2 or 1.234,56, $595.01,
// -1.63%, (12), 130.46K, null.
#pragma once

#include <unroll/data/table/csv.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace unroll::data {

// True if a cell means "no value": empty, null, NaN, NA, N/A, #N/A, ., -, --, ? and similar, in
// upper or lower case.
bool is_missing(std::string_view cell);

struct Number {
  double value = 0;       // 1.5 for "1.5%", 130460 for "130.46K", -12 for "(12)"
  bool percent = false;   // followed by a percent sign
  std::string unit = {};  // currency sign or code: "$", "EUR", "원"
};
// Reads a cell with decimal mark '.' or ','. The other mark, apostrophes and spaces may separate
// groups of digits. nullopt if the cell is not such a number.
std::optional<Number> read_number(std::string_view cell, char decimal = '.');

// The decimal mark that a cell shows: ',' for "1.234,5", '.' for "1.5". "1,234" may be read with
// either, and "1234" shows none.
enum class DecimalMark { unknown, point, comma, either };
DecimalMark decimal_mark(std::string_view cell);

struct NumberColumn {
  std::vector<double> values;  // NaN where a value is missing
  std::size_t missing = 0;
  char decimal = '.';
  std::string doubtful = {};  // a cell such as 1,234 that could be read in two ways
  bool percent = false;       // some cells have a percent sign
  std::string unit = {};      // of the cells that have one
};
// Reads a column. The decimal mark is the one its cells show, otherwise the one the other columns
// show, otherwise '.' ("1,234" is then 1234). `decimal`, '.' or ',', overrides this. Throws
// std::runtime_error with source, line and column if a cell is not a number, or if two cells show
// different marks or different units.
NumberColumn number_column(const Table& table, std::size_t column, char decimal = 0);

}  // namespace unroll::data
