// Finds the price columns of a table, and the rows of one ticker.
#pragma once

#include <unroll/data/table/csv.h>

#include <optional>
#include <string>
#include <vector>

namespace stock {

// The columns named by `wanted`, or the one with closing prices. `others` gets the names of other
// candidates. Throws std::runtime_error with the candidates if the choice is unclear.
std::vector<std::size_t> price_columns(const unroll::data::Table& table,
                                       const std::vector<std::string>& wanted,
                                       std::optional<std::size_t> date_column,
                                       std::vector<std::string>& others);

// The rows of `ticker`, or all rows if there is only one. Throws std::runtime_error with the
// tickers if there are several.
unroll::data::Table rows_of_ticker(const unroll::data::Table& table, const std::string& ticker);

// For an error: the name of a column in which two rows of one date differ, and its values; empty if
// there is none.
std::string telling_column(const unroll::data::Table& table, std::size_t row, std::size_t other);

}  // namespace stock
