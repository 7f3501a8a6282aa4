// Tables in text files: CSV with quoted fields (RFC 4180), or any other separator.
#pragma once

#include <string>
#include <vector>

namespace unroll::data {

class Table {
 public:
  struct Row {
    std::vector<std::string> cells;  // one per column
    int line = 0;                    // where the row begins in the file
  };
  // `source` is the file name used in errors. Throws std::invalid_argument unless each row has a
  // cell for each name.
  Table(std::string source, std::vector<std::string> names, std::vector<Row> rows);
  // The rows with these indices, in this order.
  Table select(const std::vector<std::size_t>& rows) const;

  const std::string& source() const { return source_; }
  const std::vector<std::string>& names() const { return names_; }  // column names
  std::size_t rows() const { return rows_.size(); }
  const std::string& cell(std::size_t row, std::size_t column) const;  // bounds are checked
  // The index of the only column with this name. Throws, listing the existing names, if there is
  // none or several.
  std::size_t column(const std::string& name) const;
  // A column as numbers; empty cells, NA and nan become NaN. Throws std::runtime_error with file,
  // line and column for other text.
  std::vector<double> numbers(const std::string& name) const;
  std::vector<std::string> strings(const std::string& name) const;  // a column as text
  int line(std::size_t row) const;  // where a row begins in the file

 private:
  std::string source_;
  std::vector<std::string> names_;
  std::vector<Row> rows_;
};

// Reads a CSV file whose first line names the columns. Throws std::runtime_error with file, line
// and problem.
Table read_csv(const std::string& path, char separator = ',');
Table parse_csv(const std::string& text, const std::string& source = "text", char separator = ',');

}  // namespace unroll::data
