// Splits text into records and fields as in RFC 4180. Private to the readers of tables.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace unroll::data::detail {

struct Record {
  std::vector<std::string> fields;
  int line = 1;  // where it begins
};
enum class Blanks {
  kept,    // part of the field, as in RFC 4180
  trimmed  // not part of the field; allowed around quoted fields
};

// Empty lines are skipped. Throws std::runtime_error with source and line if a quote is not closed,
// or text follows a closing quote.
std::vector<Record> read_records(std::string_view text, const std::string& source, char separator,
                                 Blanks blanks);

}  // namespace unroll::data::detail
