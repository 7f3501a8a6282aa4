// Tables in files that a user names.
#pragma once

#include <unroll/data/csv.h>

namespace program {

// A table in which each of these columns is there once. Throws std::runtime_error.
unroll::data::Table read_columns(const std::string& path, char separator,
                                 const std::vector<std::string>& columns);

}  // namespace program
