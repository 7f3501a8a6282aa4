// A table of sequences with whatever names its columns have, or none.
#pragma once

#include <unroll/data/table/csv.h>

#include <string>

namespace dna {

// What is in a table, whether or not its first line names the columns; without blanks around it.
class Cells {
 public:
  // `path` names the table in errors.
  Cells(const std::string& text, const std::string& path);

  std::size_t rows() const { return table_.rows() + (headed_ ? 0 : 1); }
  std::size_t columns() const { return table_.names().size(); }
  std::string name(std::size_t column) const;  // of an unnamed column, its number from 1
  std::string cell(std::size_t row, std::size_t column) const;
  int line(std::size_t row) const;

  // These throw std::runtime_error where there is no such column, or several.
  //
  // The column with the longest cells among those that are DNA from top to bottom; where none is,
  // the one named so, whose faulty cell will be shown.
  std::size_t column_of_sequences() const;
  // The column that is named so, or the only one beside the sequences.
  std::size_t column_of_classes(std::size_t sequences) const;
  std::size_t column_named(const std::string& name) const;

 private:
  std::string path_;
  unroll::data::Table table_;
  bool headed_ = true;
};

// In lower case, of ASCII letters; and without blanks at both ends.
std::string lower(std::string text);
std::string trimmed(const std::string& text);

}  // namespace dna
