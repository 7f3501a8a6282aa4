// Tables in text files: CSV with quoted fields (RFC 4180), or any other separator.
#pragma once

#include <string>
#include <vector>

namespace unroll::data {

class Table {
 public:
  struct Row {
    std::vector<std::string> cells;  // one for each column
    int line = 0;                    // where it began in the file
  };
  // `source` is the name of the file in errors.
  Table(std::string source, std::vector<std::string> names, std::vector<Row> rows);
  // The rows of these numbers, in this order.
  Table select(const std::vector<std::size_t>& rows) const;

  const std::string& source() const { return source_; }
  const std::vector<std::string>& names() const { return names_; }  // of the columns
  std::size_t rows() const { return rows_.size(); }
  const std::string& cell(std::size_t row, std::size_t column) const;  // bounds are checked
  // The place of the one column of this name; throws with the names that there are.
  std::size_t column(const std::string& name) const;
  // A column as numbers; empty cells, NA and nan are NaN. Throws with file, line and column at
  // anything else.
  std::vector<double> numbers(const std::string& name) const;
  std::vector<std::string> strings(const std::string& name) const;
  int line(std::size_t row) const;  // where a row began in the file

 private:
  std::string source_;
  std::vector<std::string> names_;
  std::vector<Row> rows_;
};

// The first line names the columns. Throws std::runtime_error with file, line and what was wrong.
Table read_csv(const std::string& path, char separator = ',');
Table parse_csv(const std::string& text, const std::string& source = "text", char separator = ',');

}  // namespace unroll::data
