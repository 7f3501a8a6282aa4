#include "examples/common/table_file.h"

#include "examples/common/text_file.h"

#include <unroll/tensor/error.h>

#include <algorithm>
#include <string_view>

namespace program {
namespace {

using unroll::data::Table;

// Calls f(line, its number) for each line, without its end, that is not empty.
template <class F>
void for_each_line(std::string_view text, F&& f) {
  int number = 1;
  for (std::size_t at = 0; at < text.size(); ++number) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (!line.empty()) f(line, number);
    at = end + 1;
  }
}

std::vector<std::string> fields(std::string_view line, char separator) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= line.size();) {
    const std::size_t end = std::min(line.find(separator, at), line.size());
    out.emplace_back(line.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

std::string_view first_line(std::string_view text) {
  std::string_view first;
  for_each_line(text, [&](std::string_view line, int) {
    if (first.empty()) first = line;
  });
  return first;
}

Table parse(const std::string& text, const std::string& path) {
  const std::string_view first = first_line(text);
  if (first.find('\t') == std::string_view::npos &&
      first.find_first_of(",\"") != std::string_view::npos)
    return unroll::data::parse_csv(text, path);
  // Separated by tabs, or a single column of whole lines.
  std::vector<std::string> names;
  std::vector<Table::Row> rows;
  for_each_line(text, [&](std::string_view line, int number) {
    std::vector<std::string> cells = fields(line, '\t');
    if (names.empty()) {
      names = std::move(cells);
      return;
    }
    unroll::check_io(cells.size() == names.size(), "{}:{}: {} fields were required: got {}", path,
                     number, names.size(), cells.size());
    rows.push_back({std::move(cells), number});
  });
  return {path, std::move(names), std::move(rows)};
}

std::string read_text(const std::string& path) {
  std::string text = read_text_file(path, "UTF-8").text;
  unroll::check_io(!first_line(text).empty(), "{}: text was required: got an empty file", path);
  return text;
}

}  // namespace

Table read_table(const std::string& path, const std::vector<std::string>& columns) {
  Table table = parse(read_text(path), path);
  for (const std::string& name : columns) table.column(name);
  unroll::check_io(table.rows() > 0, "{}: at least one row was required: got none", path);
  return table;
}

Table read_inputs(const std::string& path, const std::vector<std::string>& columns) {
  const std::string text = read_text(path);
  const std::string_view first = first_line(text);
  const std::vector<std::string> names =
      fields(first, first.find('\t') != std::string_view::npos ? '\t' : ',');
  const bool is_table = std::all_of(columns.begin(), columns.end(), [&](const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  });
  if (is_table) return read_table(path, columns);
  std::vector<Table::Row> rows;
  for_each_line(text, [&](std::string_view line, int number) {
    std::vector<std::string> cells(columns.size());
    cells[0] = line;
    rows.push_back({std::move(cells), number});
  });
  return {path, columns, std::move(rows)};
}

}  // namespace program
