// Numbers in tables as people and their programs write them: 69,507.2 or 1.234,56, $595.01, -1.63%,
// (12), 130.46K, null.
#pragma once

#include <unroll/data/table/csv.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace unroll::data {

// True of a cell that stands for no value: empty, null, NaN, NA, N/A, #N/A, ., -, --, ? and the
// like, in any case of letters.
bool is_missing(std::string_view cell);

struct Number {
  double value = 0;       // of "1.5%" 1.5, of "130.46K" 130460, of "(12)" -12
  bool percent = false;   // a percent sign stands behind it
  std::string unit = {};  // a currency's sign or code: "$", "EUR", "원"
};
// A cell with a decimal mark of '.' or ','. The other one, apostrophes and spaces may stand between
// groups of digits. nullopt where the cell is no number written so.
std::optional<Number> read_number(std::string_view cell, char decimal = '.');

// The decimal mark that a cell shows: of "1.234,5" ',', of "1.5" '.'. Of "1,234" the mark may be
// either, and of "1234" nothing is known.
enum class DecimalMark { unknown, point, comma, either };
DecimalMark decimal_mark(std::string_view cell);

struct NumberColumn {
  std::vector<double> values;  // NaN where a value is missing
  std::size_t missing = 0;
  char decimal = '.';
  std::string doubtful = {};  // a cell such as 1,234, where nothing told the decimal mark
  bool percent = false;       // some have a percent sign
  std::string unit = {};      // of those that have one
};
// A column with the decimal mark that its cells show, or else those of the other columns; where
// these show none either, '.', but "1,234" is 1234. `decimal`, '.' or ',', overrules that. Throws
// std::runtime_error with source, line and column where a cell is no number, where two cells show
// different marks, and where they have different units.
NumberColumn number_column(const Table& table, std::size_t column, char decimal = 0);

}  // namespace unroll::data
