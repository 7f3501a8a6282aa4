#include "examples/common/columns.h"

#include <unroll/tensor/error.h>

#include <algorithm>

namespace program {

unroll::data::Table read_columns(const std::string& path, char separator,
                                 const std::vector<std::string>& columns) {
  unroll::data::Table table = unroll::data::read_csv(path, separator);
  for (const std::string& name : columns) {
    table.column(name);  // which throws where there is none
    const auto times = std::count(table.names().begin(), table.names().end(), name);
    unroll::check_io(times == 1, "{}: one column \"{}\" was required: got {}", path,
                     unroll::excerpt(name), times);
  }
  return table;
}

}  // namespace program
