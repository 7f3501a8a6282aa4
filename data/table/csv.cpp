#include <unroll/data/table/csv.h>
#include <unroll/data/table/records.h>
#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace unroll::data {

namespace {

// Parses a number as a double; values too small for one become 0. False if it is not a number.
bool read_number(std::string_view text, double& value) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (end != last || error == std::errc::invalid_argument) return false;
  if (error == std::errc()) return true;
  // On overflow and underflow from_chars gives no value; strtod gives infinity or 0.
  value = std::strtod(std::string(text).c_str(), nullptr);
  return std::abs(value) < 1;
}

}  // namespace

Table::Table(std::string source, std::vector<std::string> names, std::vector<Row> rows)
    : source_(std::move(source)), names_(std::move(names)), rows_(std::move(rows)) {
  for (const Row& row : rows_)
    check(row.cells.size() == names_.size(),
          "table: as many cells in each row as columns were required, {}: got {} in a row",
          names_.size(), row.cells.size());
}

Table Table::select(const std::vector<std::size_t>& rows) const {
  Table out(source_, names_, {});
  for (const std::size_t row : rows) {
    check(row < rows_.size(), "table: a row in [0, {}) was required: got {}", rows_.size(), row);
    out.rows_.push_back(rows_[row]);
  }
  return out;
}

const std::string& Table::cell(std::size_t row, std::size_t column) const {
  check(row < rows() && column < names_.size(),
        "csv: a cell of {} rows and {} columns was required: got row {}, column {}", rows(),
        names_.size(), row, column);
  return rows_[row].cells[column];
}

int Table::line(std::size_t row) const {
  check(row < rows(), "csv: a row in [0, {}) was required: got {}", rows(), row);
  return rows_[row].line;
}

std::size_t Table::column(const std::string& name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) {
    constexpr std::size_t kMaxNames = 20;
    std::string all;
    for (std::size_t i = 0; i < std::min(names_.size(), kMaxNames); ++i)
      all += (i ? ", " : "") + excerpt(names_[i]);
    fail_io("{}: a column \"{}\" was required: got the columns {}{}", source_, excerpt(name), all,
            names_.size() > kMaxNames ? ", ..." : "");
  }
  check_io(std::find(found + 1, names_.end(), name) == names_.end(),
           "{}: one column \"{}\" was required: got several of this name", source_, excerpt(name));
  return static_cast<std::size_t>(found - names_.begin());
}

std::vector<double> Table::numbers(const std::string& name) const {
  const std::size_t at = column(name);
  std::vector<double> out;
  for (std::size_t r = 0; r < rows(); ++r) {
    std::string_view text = rows_[r].cells[at];
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    double value = NAN;
    if (!text.empty() && text != "NA" && text != "nan" && text != "NaN")
      check_io(read_number(text, value),
               "{}:{}: a number was required in column {} (\"{}\"): got \"{}\"", source_,
               rows_[r].line, at + 1, excerpt(name), excerpt(text));
    out.push_back(value);
  }
  return out;
}

std::vector<std::string> Table::strings(const std::string& name) const {
  const std::size_t at = column(name);
  std::vector<std::string> out;
  for (const Row& row : rows_) out.push_back(row.cells[at]);
  return out;
}

Table read_csv(const std::string& path, char separator) {
  return parse_csv(read_file(path), path, separator);
}

Table parse_csv(const std::string& text, const std::string& source, char separator) {
  check(separator != '"' && separator != '\n' && separator != '\r',
        "csv: a separator other than a quote or the end of a line was required");
  std::vector<detail::Record> records =
      detail::read_records(without_mark(text), source, separator, detail::Blanks::kept);
  check_io(!records.empty(),
           "{}: a first line with the names of the columns was required: got an empty file",
           source);
  const std::vector<std::string> names = std::move(records.front().fields);
  std::vector<Table::Row> rows;
  for (auto record = records.begin() + 1; record != records.end(); ++record) {
    const std::size_t wanted = names.size(), got = record->fields.size();
    check_io(got >= wanted,
             "{}:{}: {} fields were required, as the first line has: got {}, without "
             "column {} (\"{}\")",
             source, record->line, wanted, got, got + 1, got < wanted ? excerpt(names[got]) : "");
    check_io(got == wanted,
             "{}:{}: {} fields were required, as the first line has: got {}, and "
             "column {} (\"{}\") has no name",
             source, record->line, wanted, got, wanted + 1,
             got > wanted ? excerpt(record->fields[wanted]) : "");
    rows.push_back({std::move(record->fields), record->line});
  }
  return {source, names, std::move(rows)};
}

}  // namespace unroll::data
