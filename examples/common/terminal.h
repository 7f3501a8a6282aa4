// What a person sees: a line that shows how far the work is, and tables.
#pragma once

#include <unroll/tensor/types.h>

#include <chrono>
#include <string>
#include <vector>

namespace program {

// A line that is drawn again and again; in a file or pipe only its last state is written.
class Progress {
 public:
  Progress(std::string label, unroll::Index total);
  ~Progress();
  void step(const std::string& note);  // one more is done
  void end(const std::string& note);   // the last words
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  void show() const;

  std::string label_, note_;
  unroll::Index total_, done_ = 0;
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
