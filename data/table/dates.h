// Dates in tables, in the formats that people and programs write.
#pragma once

#include <unroll/data/table/csv.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace unroll::data {

// The order of day, month and year in dates that consist of numbers only.
enum class DateOrder { unknown, ymd, dmy, mdy };

struct DateColumn {
  // Seconds since 1970-01-01 00:00 in the time zone of the cell, which is not converted. Empty if
  // the cell is no date.
  std::vector<std::optional<std::int64_t>> seconds;
  bool with_time = false;  // some times are not midnight
  DateOrder order = DateOrder::unknown;
};

// Reads a column of dates: 2024-11-01, 20241101, 11/01/2024, 1.11.24, Nov 01, 2024, 1-Nov-2024,
// 2020년 12월 18일, 2024-11 (its first day), each with or without a time of day. In a column named
// date, time or similar also: seconds, milliseconds, microseconds or nanoseconds since 1970,
// spreadsheet days, or a year with a fraction (1991.4962).
//
// The order of day and month is the one that makes every cell a date; if several do, the one in
// which the dates are monotone. `order` overrides this. Returns nullopt if fewer than four fifths
// of the non-empty cells are dates. Throws std::runtime_error if the order cannot be determined.
std::optional<DateColumn> date_column(const Table& table, std::size_t column,
                                      DateOrder order = DateOrder::unknown);

// The first column of dates. Columns named date or similar take precedence over columns named time,
// and these over all others.
std::optional<std::size_t> find_date_column(const Table& table,
                                            DateOrder order = DateOrder::unknown);

// True for names such as Date, Datum, 날짜 or timestamp.
bool is_date_name(const std::string& name);

struct DateTextOptions {
  bool with_time = false;
};
// Seconds since 1970-01-01 as 2024-11-01, or with time as 2024-11-01 16:00:00.
std::string date_text(std::int64_t seconds, const DateTextOptions& options = {});

}  // namespace unroll::data
