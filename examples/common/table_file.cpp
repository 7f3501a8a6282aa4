#include "examples/common/table_file.h"

#include "examples/common/text_file.h"

#include <unroll/data/text/units.h>
#include <unroll/tensor/error.h>
#include <unroll/tensor/types.h>

#include <algorithm>
#include <string_view>

namespace program {
namespace {

using unroll::Index;
using unroll::data::Table;

enum class Blank { skipped, kept };

// Calls f(line, its number) for each line, without its end.
template <class F>
void for_each_line(std::string_view text, Blank blank, F&& f) {
  int number = 1;
  for (std::size_t at = 0; at < text.size(); ++number) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (!line.empty() || blank == Blank::kept) f(line, number);
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

// The first line that is not empty.
std::string_view first_line(std::string_view text) {
  std::string_view first;
  for_each_line(text, Blank::skipped, [&](std::string_view line, int) {
    if (first.empty()) first = line;
  });
  return first;
}

bool is_csv(std::string_view first) {
  return first.find('\t') == std::string_view::npos &&
         first.find_first_of(",\"") != std::string_view::npos;
}

// `blank`: empty lines in a single column of whole lines.
Table parse(const std::string& text, const std::string& path, Blank blank) {
  const std::string_view first = first_line(text);
  if (is_csv(first)) return unroll::data::parse_csv(text, path);
  // Separated by tabs, or a single column of whole lines.
  const bool lines = first.find('\t') == std::string_view::npos;
  std::vector<std::string> names;
  std::vector<Table::Row> rows;
  for_each_line(text, lines ? blank : Blank::skipped, [&](std::string_view line, int number) {
    std::vector<std::string> cells = fields(line, '\t');
    if (names.empty()) {
      if (!line.empty()) names = std::move(cells);
      return;
    }
    unroll::check_io(cells.size() == names.size(), "{}:{}: {} field{} required: got {}", path,
                     number, names.size(), names.size() == 1 ? " was" : "s were", cells.size());
    rows.push_back({std::move(cells), number});
  });
  return {path, std::move(names), std::move(rows)};
}

std::string read_text(const std::string& path) {
  std::string text = read_utf8_file(path);
  unroll::check_io(!first_line(text).empty(), "{}: text was required: got an empty file", path);
  if (text.find('\n') == std::string::npos) std::replace(text.begin(), text.end(), '\r', '\n');
  return text;
}

Table checked(Table table, const std::vector<std::string>& columns) {
  for (const std::string& name : columns) table.column(name);
  unroll::check_io(table.rows() > 0, "{}: at least one row was required: got none", table.source());
  for (std::size_t row = 0; row < table.rows(); ++row)
    for (std::size_t i = 0; i < table.names().size(); ++i)
      unroll::check_io(table.cell(row, i).size() <= kMaxField,
                       "{}:{}: a text of at most {} bytes was required in column \"{}\": got {}; "
                       "divide it into several lines",
                       table.source(), table.line(row), kMaxField,
                       unroll::excerpt(table.names()[i]), table.cell(row, i).size());
  return table;
}

// Whether all lines have the same number of tabs, and at least one: a table, not lines of text.
bool looks_like_table(std::string_view text) {
  Index lines = 0, tabs = -1;
  bool same = true;
  for_each_line(text, Blank::skipped, [&](std::string_view line, int) {
    const Index now = std::count(line.begin(), line.end(), '\t');
    same = same && (lines++ == 0 || now == tabs);
    tabs = now;
  });
  return same && lines > 1 && tabs > 0;
}

}  // namespace

Table read_table(const std::string& path, const std::vector<std::string>& columns) {
  return checked(parse(read_text(path), path, Blank::skipped), columns);
}

bool is_blank(const std::string& text) { return unroll::data::divide(text, {}).empty(); }

void check_filled(const Table& table, const std::vector<std::string>& columns) {
  for (const std::string& name : columns) {
    const std::size_t at = table.column(name);
    for (std::size_t row = 0; row < table.rows(); ++row)
      unroll::check_io(!is_blank(table.cell(row, at)),
                       "{}:{}: a text in column \"{}\" was required: got an empty one",
                       table.source(), table.line(row), name);
  }
}

Table read_inputs(const std::string& path, const std::vector<std::string>& columns) {
  const std::string text = read_text(path);
  const std::string_view first = first_line(text);
  const std::vector<std::string> names =
      fields(first, first.find('\t') != std::string_view::npos ? '\t' : ',');
  const bool is_table = std::all_of(columns.begin(), columns.end(), [&](const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  });
  if (is_table || looks_like_table(text)) return checked(parse(text, path, Blank::kept), columns);
  std::vector<Table::Row> rows;
  for_each_line(text, Blank::kept, [&](std::string_view line, int number) {
    std::vector<std::string> cells(columns.size());
    cells[0] = line;
    rows.push_back({std::move(cells), number});
  });
  return checked({path, columns, std::move(rows)}, columns);
}

}  // namespace program
