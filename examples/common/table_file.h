// Tables in the form of the sample files: text in UTF-8, with column names in the first line.
#pragma once

#include <unroll/data/table/csv.h>

#include <string>
#include <vector>

namespace program {

// Reads a table, compressed by gzip or not. Fields are separated by tabs, and quotes are ordinary
// characters; if the first line has no tab but a comma or a quote, it is CSV instead. `columns` are
// the required names; other columns are kept too. Empty lines are skipped.
//
//   const unroll::data::Table t = read_table(o.data, {"class", "gloss"});
//   const std::vector<std::string> glosses = t.strings("gloss");
//
// Throws std::runtime_error with file, line and problem: text that is not UTF-8 (with the position
// of the byte), a column that is missing, a row with more or fewer fields, no rows at all.
unroll::data::Table read_table(const std::string& path, const std::vector<std::string>& columns);

// The rows of --predict: a table with these columns. If the first line does not name all of them,
// each line is an input: the first column, and the others are empty.
unroll::data::Table read_inputs(const std::string& path, const std::vector<std::string>& columns);

}  // namespace program
