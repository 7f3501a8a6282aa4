// Splits a text into records and fields, by the rules of RFC 4180. Private to the readers of
// tables.
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
  kept,    // a part of the field, as RFC 4180 says
  trimmed  // not a part of the field; they may also surround a quoted field
};

// Empty lines are no records. Throws std::runtime_error with source and line at a quote that is
// not closed, or that something follows.
std::vector<Record> read_records(std::string_view text, const std::string& source, char separator,
                                 Blanks blanks);

}  // namespace unroll::data::detail
