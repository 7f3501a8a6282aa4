// Terminal output: text, a progress line, and tables.
#pragma once

#include <unroll/tensor/types.h>

#include <fmt/format.h>

#include <chrono>
#include <string>
#include <vector>

namespace program {

// Writes text to standard output, unbuffered. It does not throw if the reader of a pipe has ended
// (`| head`) or the disk is full, so that work is finished and saved; guarded() (program.h) reports
// it at the end.
void print(const std::string& text);
bool reader_gone();  // standard output is a pipe whose reader has ended
template <class... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  print(fmt::format(format, std::forward<Args>(args)...));
}

// The progress of some work as one line.
struct ProgressLine {
  std::string label;
  unroll::Index done = 0, total = 0;
  double seconds = 0;
  double left = 0;   // seconds; shown if at least 10
  std::string note;  // fields separated by ", "
  // At most `width` columns. If they are too few, whole fields are dropped: first the bar, then the
  // last fields of the note, never part of a number.
  std::string str(std::size_t width) const;
};

// A line that is redrawn on a terminal. In a file or pipe a line is written once a minute and at
// the end.
class Progress {
 public:
  // `done` steps were done in an earlier run.
  Progress(std::string label, unroll::Index total, unroll::Index done = 0);
  ~Progress();
  void part(double share);             // the share of the current step that is done
  void step(const std::string& note);  // one more step is done
  void end(const std::string& note);   // the final text
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  void show() const;
  void show_if_due();

  std::string label_, note_;
  unroll::Index total_, done_, before_;
  double part_ = 0;
  bool ended_ = false;
  std::chrono::steady_clock::time_point start_, shown_;
};

// A table of numbers with headings: names on the left, numbers right-aligned, remarks at the end.
// The best number is marked by a star, and bold if colours are supported. Control characters in
// names and headings, which may come from files, are not printed.
class Table {
 public:
  struct Cell {
    std::string text;
    bool best = false;
    std::string spread = {};  // printed after the number and its star
  };
  // The first heading is that of the names.
  explicit Table(const std::vector<std::string>& headings);
  void add(const std::string& name, std::vector<Cell> cells, std::string remark = {});
  std::string str(bool bold) const;
  void print() const;

 private:
  struct Row {
    std::string name;
    std::vector<Cell> cells;
    std::string remark;
  };
  std::vector<std::string> headings_;
  std::vector<Row> rows_;
};

// Returns the code point that begins at `at` in a UTF-8 text, and advances `at`.
char32_t next_letter(const std::string& utf8, std::size_t& at);

// The width of a UTF-8 text in terminal columns: two for an East Asian letter.
std::size_t columns_of(const std::string& utf8);

// Wraps a paragraph at `width` columns; the last line ends with a newline too.
std::string wrapped(const std::string& text, std::size_t width = 80);

struct MeanAndStd {
  double mean = 0, std = 0;  // std is 0 for a single value
};
MeanAndStd mean_and_std(const std::vector<double>& values);

}  // namespace program
