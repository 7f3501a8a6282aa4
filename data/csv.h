// Tables in text files: CSV with quoted fields (RFC 4180), or any other separator.
#pragma once

#include <string>
#include <vector>

namespace unroll::data {

class Table {
 public:
  const std::vector<std::string>& names() const { return names_; }  // of the columns
  std::size_t rows() const { return cells_.size(); }
  const std::string& cell(std::size_t row, std::size_t column) const;  // bounds are checked
  // The place of the one column of this name; throws with the names that there are.
  std::size_t column(const std::string& name) const;
  // A column as numbers; empty cells, NA and nan are NaN. Throws with file, line and column at
  // anything else.
  std::vector<double> numbers(const std::string& name) const;
  std::vector<std::string> strings(const std::string& name) const;
  int line(std::size_t row) const;  // where a row began in the file

 private:
  friend Table parse_csv(const std::string& text, const std::string& source, char separator);
  std::string source_;
  std::vector<std::string> names_;
  std::vector<std::vector<std::string>> cells_;
  std::vector<int> lines_;
};

// The first line names the columns. Throws std::runtime_error with file, line and what was wrong.
Table read_csv(const std::string& path, char separator = ',');
Table parse_csv(const std::string& text, const std::string& source = "text", char separator = ',');

}  // namespace unroll::data
