#include <unroll/data/csv.h>
#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace unroll::data {

namespace {

// A number as a double has it: what is too small for one is 0. False when this is none.
bool read_number(std::string_view text, double& value) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (end != last || error == std::errc::invalid_argument) return false;
  if (error == std::errc()) return true;
  // Out of range, and from_chars does not say on which side; strtod does.
  value = std::strtod(std::string(text).c_str(), nullptr);
  return std::abs(value) < 1;
}

}  // namespace

const std::string& Table::cell(std::size_t row, std::size_t column) const {
  check(row < rows() && column < names_.size(),
        "csv: a cell of {} rows and {} columns was required: got row {}, column {}", rows(),
        names_.size(), row, column);
  return cells_[row][column];
}

int Table::line(std::size_t row) const {
  check(row < rows(), "csv: a row in [0, {}) was required: got {}", rows(), row);
  return lines_[row];
}

std::size_t Table::column(const std::string& name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) {
    constexpr std::size_t kMost = 20;
    std::string all;
    for (std::size_t i = 0; i < std::min(names_.size(), kMost); ++i)
      all += (i ? ", " : "") + excerpt(names_[i]);
    fail_io("{}: a column \"{}\" was required: got the columns {}{}", source_, excerpt(name), all,
            names_.size() > kMost ? ", ..." : "");
  }
  check_io(std::find(found + 1, names_.end(), name) == names_.end(),
           "{}: one column \"{}\" was required: got several of this name", source_, excerpt(name));
  return static_cast<std::size_t>(found - names_.begin());
}

std::vector<double> Table::numbers(const std::string& name) const {
  const std::size_t at = column(name);
  std::vector<double> out;
  for (std::size_t r = 0; r < rows(); ++r) {
    std::string_view text = cells_[r][at];
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    double value = NAN;
    if (!text.empty() && text != "NA" && text != "nan" && text != "NaN")
      check_io(read_number(text, value),
               "{}:{}: a number was required in column {} (\"{}\"): got \"{}\"", source_, lines_[r],
               at + 1, excerpt(name), excerpt(text));
    out.push_back(value);
  }
  return out;
}

std::vector<std::string> Table::strings(const std::string& name) const {
  const std::size_t at = column(name);
  std::vector<std::string> out;
  for (const auto& row : cells_) out.push_back(row[at]);
  return out;
}

Table read_csv(const std::string& path, char separator) {
  return parse_csv(read_file(path), path, separator);
}

Table parse_csv(const std::string& whole, const std::string& source, char separator) {
  Table table;
  table.source_ = source;
  int line = 1;
  const std::string_view text = without_mark(whole);
  std::size_t i = 0;
  check(separator != '"' && separator != '\n' && separator != '\r',
        "csv: a separator other than a quote or the end of a line was required");
  const auto store = [&](std::vector<std::string>&& record, int begun, bool quoted) {
    if (record.size() == 1 && record[0].empty() && !quoted) return;  // an empty line
    if (table.names_.empty()) {
      table.names_ = std::move(record);
      return;
    }
    const std::size_t wanted = table.names_.size(), got = record.size();
    check_io(got >= wanted,
             "{}:{}: {} fields were required, as the first line has: got {}, without "
             "column {} (\"{}\")",
             source, begun, wanted, got, got + 1, got < wanted ? excerpt(table.names_[got]) : "");
    check_io(got == wanted,
             "{}:{}: {} fields were required, as the first line has: got {}, and "
             "column {} (\"{}\") has no name",
             source, begun, wanted, got, wanted + 1, got > wanted ? excerpt(record[wanted]) : "");
    table.cells_.push_back(std::move(record));
    table.lines_.push_back(begun);
  };
  while (i < text.size()) {
    std::vector<std::string> record(1);
    const int begun = line;
    bool ended = false, quoted = false;
    while (!ended) {
      std::string& field = record.back();
      if (i < text.size() && text[i] == '"' && field.empty()) {
        const int opened = line;
        quoted = true;
        for (++i;; ++i) {
          check_io(i < text.size(),
                   "{}:{}: a closing quote was required for the field that opens here, column {}",
                   source, opened, record.size());
          if (text[i] == '"') {
            if (i + 1 >= text.size() || text[i + 1] != '"') break;
            ++i;
          }
          line += text[i] == '\n';
          field += text[i];
        }
        ++i;
        check_io(i >= text.size() || text[i] == separator || text[i] == '\n' || text[i] == '\r',
                 "{}:{}: a separator was required after the closing quote in column {}: got '{}'",
                 source, line, record.size(), excerpt(text.substr(std::min(i, text.size()), 1)));
      }
      if (i >= text.size()) {
        ended = true;
      } else if (text[i] == separator) {
        record.emplace_back();
        ++i;
      } else if (text[i] == '\n' || text[i] == '\r') {
        i += text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n' ? 2 : 1;
        ++line;
        ended = true;
      } else {
        field += text[i++];
      }
    }
    store(std::move(record), begun, quoted);
  }
  check_io(!table.names_.empty(),
           "{}: a first line with the names of the columns was required: got an empty file",
           source);
  return table;
}

}  // namespace unroll::data
