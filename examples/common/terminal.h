// What a person sees: lines of text, one that shows how far the work is, and tables.
#pragma once

#include <unroll/tensor/types.h>

#include <fmt/format.h>

#include <chrono>
#include <string>
#include <vector>

namespace program {

// Text to standard output, at once. A reader that has gone (`| head`) or a full disk does not throw
// here, so that what is under way is finished and saved; guarded() (program.h) reports it at the
// end.
void put(const std::string& text);
bool reader_gone();  // standard output was a pipe that nobody reads any more
template <class... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  put(fmt::format(format, std::forward<Args>(args)...));
}

// How far some work is, as one line.
struct ProgressLine {
  std::string label;
  unroll::Index done = 0, total = 0;
  double seconds = 0;
  double left = 0;   // seconds; shown from 10 on
  std::string note;  // fields, separated by ", "
  // At most `width` columns. Where they are too few, whole fields go: the bar, then the note's last
  // ones, never part of a number.
  std::string str(std::size_t width) const;
};

// A line that is drawn again and again on a terminal. In a file or pipe a line is written when the
// work is done, and every minute before.
class Progress {
 public:
  Progress(std::string label, unroll::Index total);
  ~Progress();
  void part(double share);             // of the next one, so much is done
  void step(const std::string& note);  // one more is done
  void end(const std::string& note);   // the last words
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  void show() const;
  void show_if_due();

  std::string label_, note_;
  unroll::Index total_, done_ = 0;
  double part_ = 0;
  bool ended_ = false;
  std::chrono::steady_clock::time_point start_, shown_;
};

// Rows of numbers under headings: names to the left, numbers to the right, remarks at the end. The
// best number has a star, and is bold where there are colours. Names and headings may come from
// files: control characters do not reach the terminal.
class Table {
 public:
  struct Cell {
    std::string text;
    bool best = false;
    std::string spread = {};  // behind the number and its star
  };
  // The first heading stands above the names.
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

// The code point that begins at `at` of a text in UTF-8; `at` is moved behind it.
char32_t next_letter(const std::string& utf8, std::size_t& at);

// A paragraph in lines that fit a terminal, the last one ended too.
std::string wrapped(const std::string& text, std::size_t width = 80);

struct MeanAndStd {
  double mean = 0, std = 0;  // std 0 for a single value
};
MeanAndStd mean_and_std(const std::vector<double>& values);

}  // namespace program
