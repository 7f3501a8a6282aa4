// Tables in the form of the sample files: text in UTF-8, with column names in the first line.
#pragma once

#include <unroll/data/table/csv.h>

#include <string>
#include <vector>

namespace program {

// Reads a table, compressed by gzip or not. Fields are separated by tabs, and quotes are ordinary
// characters; if the first line has no tab but a comma or a quote, it is CSV instead. `columns` are
// the required names; other columns are kept too. Empty lines are skipped. UTF-16 with a byte order
// mark, and any of the usual line ends, are read too.
//
//   const unroll::data::Table t = read_table(o.data, {"class", "gloss"});
//   const std::vector<std::string> glosses = t.strings("gloss");
//
// Throws std::runtime_error with file, line and problem: text that is not UTF-8 (with the position
// of the byte), a column that is missing, a row with more or fewer fields, a field of more than
// kMaxField bytes, no rows at all.
unroll::data::Table read_table(const std::string& path, const std::vector<std::string>& columns);
inline constexpr std::size_t kMaxField = 1'000'000;

// Throws std::runtime_error with file and line if a cell of these columns is empty or white space.
void check_filled(const unroll::data::Table& table, const std::vector<std::string>& columns);

// Whether a text is empty or white space.
bool is_blank(const std::string& text);

// The rows of --predict: a table with these columns. If the first line does not name all of them,
// each line is an input: the first column, and the others are empty. An empty line is an empty
// input, so that there is a prediction for each line. Throws as read_table does, and for a table
// without these columns.
unroll::data::Table read_inputs(const std::string& path, const std::vector<std::string>& columns);

}  // namespace program
