#include <unroll/data/csv.h>
#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace unroll::data {

std::size_t Table::column(const std::string& name) const {
  for (std::size_t i = 0; i < names_.size(); ++i)
    if (names_[i] == name) return i;
  fail_io("{}: a column \"{}\" was required: got the columns {}", source_, name,
          fmt::join(names_, ", "));
}

std::vector<double> Table::numbers(const std::string& name) const {
  const std::size_t at = column(name);
  std::vector<double> out;
  for (std::size_t r = 0; r < rows(); ++r) {
    std::string_view text = cells_[r][at];
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    double value = NAN;
    if (!text.empty() && text != "NA" && text != "nan" && text != "NaN") {
      std::string_view digits = text;
      if (digits.size() > 1 && digits[0] == '+' && digits[1] != '-') digits.remove_prefix(1);
      const char* last = digits.data() + digits.size();
      const auto [end, error] = std::from_chars(digits.data(), last, value);
      check_io(error == std::errc() && end == last,
               "{}:{}: a number was required in column {} (\"{}\"): got \"{}\"", source_, lines_[r],
               at + 1, name, text);
    }
    out.push_back(value);
  }
  return out;
}

const std::vector<std::string> Table::strings(const std::string& name) const {
  const std::size_t at = column(name);
  std::vector<std::string> out;
  for (const auto& row : cells_) out.push_back(row[at]);
  return out;
}

Table read_csv(const std::string& path, char separator) {
  return parse_csv(read_file(path), path, separator);
}

Table parse_csv(const std::string& text, const std::string& source, char separator) {
  Table table;
  table.source_ = source;
  int line = 1;
  std::size_t i = text.rfind("\xEF\xBB\xBF", 0) == 0 ? 3 : 0;  // a byte order mark
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
             source, begun, wanted, got, got + 1, got < wanted ? table.names_[got] : "");
    check_io(got == wanted,
             "{}:{}: {} fields were required, as the first line has: got {}, and "
             "column {} (\"{}\") has no name",
             source, begun, wanted, got, wanted + 1, got > wanted ? record[wanted] : "");
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
                 source, line, record.size(), text[i]);
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
