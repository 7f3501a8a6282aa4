// Which columns of a table hold prices, and which rows are of one ticker.
#pragma once

#include <unroll/data/table/csv.h>

#include <optional>
#include <string>
#include <vector>

namespace stock {

// The columns that `wanted` names, or the one with closing prices. `others` gets the names of more
// columns that would do. Throws std::runtime_error with the candidates where none is clear.
std::vector<std::size_t> price_columns(const unroll::data::Table& table,
                                       const std::vector<std::string>& wanted,
                                       std::optional<std::size_t> date_column,
                                       std::vector<std::string>& others);

// The rows of one ticker: of `ticker`, or of all where there is only one. Throws std::runtime_error
// with the tickers where there are several.
unroll::data::Table rows_of_ticker(const unroll::data::Table& table, const std::string& ticker);

// The name of a column that tells apart rows of one date, and its values in two such rows, for an
// error; empty where there is none.
std::string telling_column(const unroll::data::Table& table, std::size_t row, std::size_t other);

}  // namespace stock
