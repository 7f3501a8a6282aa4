// Reads daily prices from files in many formats. K columns, D days.
#pragma once

#include <unroll/data/table/dates.h>
#include <unroll/tensor/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace stock {

using unroll::Index;

// The file to read and its options; empty ones are detected.
struct Source {
  std::string path;
  std::vector<std::string> columns = {};
  std::string ticker = {};    // the one to use if a column has several
  std::string encoding = {};  // iconv's name for it
  unroll::data::DateOrder date_order = unroll::data::DateOrder::unknown;
  char decimal = 0;
  Index min_days = 0;  // number of days with a price in every column
};

struct Prices {
  std::string path;
  std::vector<std::string> names;           // [K]
  std::vector<std::vector<double>> values;  // [K][D] oldest first, NaN where a day has none
  std::vector<std::int64_t> dates;          // [D] as unroll::data::date_text takes them, or empty
  bool with_time = false;                   // of the dates
  std::vector<std::string> notices;         // what was detected and skipped, a sentence each
  Index early = 0;                          // days skipped: before the first price of some column,
  Index closed = 0;                         // and without any price
  Index missing = 0;  // days on which one column has no price, summed over the columns
  Index days() const { return static_cast<Index>(values.front().size()); }
  // "2024-11-01", or "day 7" (counted from 1) if the file has no dates.
  std::string day(Index t) const;
};

// Reads and sorts by date. Throws std::runtime_error with one sentence if columns, tickers or dates
// are ambiguous, a day occurs twice, a price is not above 0, or a column ends long before the file.
Prices read_prices(const Source& source);

}  // namespace stock
