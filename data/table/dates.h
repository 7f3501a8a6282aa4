// Dates in tables as people and their programs write them.
#pragma once

#include <unroll/data/table/csv.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace unroll::data {

// The order of day, month and year where a date has only numbers.
enum class DateOrder { unknown, ymd, dmy, mdy };

struct DateColumn {
  // Seconds since 1970-01-01 00:00 as the cell says it: a time zone behind the time is passed over.
  // Nothing where the cell is no date.
  std::vector<std::optional<std::int64_t>> seconds;
  bool with_time = false;  // some are not at midnight
  DateOrder order = DateOrder::unknown;
};

// A column of dates: 2024-11-01, 20241101, 11/01/2024, 1.11.24, Nov 01, 2024, 1-Nov-2024,
// 2020년 12월 18일, 2024-11 (its first day), each with a time of day or without; or, in a column
// called date, time or the like: seconds, milliseconds, microseconds or nanoseconds since 1970, the
// days of a spreadsheet, a year with its fraction (1991.4962).
//
// The order of day and month is the one that makes a date of every cell; where several do, the one
// in which the dates rise or fall throughout; `order` overrules that. nullopt where less than
// four fifths of the cells that have a value are dates. Throws std::runtime_error where the order
// cannot be told.
std::optional<DateColumn> date_column(const Table& table, std::size_t column,
                                      DateOrder order = DateOrder::unknown);

// The first column of dates: one called date or the like before one called time, and that before
// others.
std::optional<std::size_t> find_date_column(const Table& table,
                                            DateOrder order = DateOrder::unknown);

// True of names such as Date, Datum, 날짜 or timestamp.
bool is_date_name(const std::string& name);

// 2024-11-01, or 2024-11-01 16:00:00.
std::string date_text(std::int64_t seconds, bool with_time = false);

}  // namespace unroll::data
