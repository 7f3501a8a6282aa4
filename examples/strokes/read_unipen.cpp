#include "examples/strokes/lines.h"
#include "examples/strokes/read.h"

namespace strokes {
namespace {

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> out;
  while (!(line = trimmed(line)).empty()) {
    const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
    out.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
  return out;
}

// The text between the last two quotes; empty without them.
std::string quoted_in(std::string_view line) {
  const std::size_t last = line.rfind('"');
  if (last == std::string_view::npos || last == 0) return {};
  const std::size_t first = line.rfind('"', last - 1);
  return first == std::string_view::npos ? ""
                                         : std::string(line.substr(first + 1, last - first - 1));
}

// Reads one line after another.
class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path) {}

  void line(std::string_view line, int number) {
    if (line.empty()) return;
    const std::vector<std::string_view> words = words_of(line);
    if (words[0] == ".SEGMENT") {
      check_up(number);
      drawings.push_back({.label = quoted_in(line), .line = number, .timed = true});
    } else if (words[0] == ".COMMENT") {
      // class, writer, number; other comments have other words
      if (!drawings.empty() && words.size() == 4 && words[1] == drawings.back().label)
        drawings.back().writer = words[2];
    } else if (words[0] == ".PEN_DOWN") {
      check_up(number);
      unroll::check_io(!drawings.empty(), "{}:{}: .SEGMENT was required before .PEN_DOWN: got none",
                       path_, number);
      drawings.back().strokes.emplace_back();
      down_ = number;
    } else if (words[0] == ".PEN_UP") {
      end_stroke(number);
    } else if (words[0][0] != '.' && down_ > 0) {  // points with the pen up draw nothing
      unroll::check_io(words.size() >= 2, "{}:{}: x and y were required: got \"{}\"", path_, number,
                       unroll::excerpt(line));
      Stroke& stroke = drawings.back().strokes.back();
      stroke.push_back({number_in(words[0], path_, number), number_in(words[1], path_, number),
                        static_cast<double>(stroke.size())});
    } else if (words[0][0] != '.') {
      for (const std::string_view word : words) number_in(word, path_, number);
    }
  }
  void end() {
    unroll::check_io(down_ == 0, "{}:{}: .PEN_UP was required after .PEN_DOWN: got the end of file",
                     path_, down_);
  }

  Drawings drawings;

 private:
  void check_up(int number) {
    unroll::check_io(down_ == 0, "{}:{}: .PEN_UP was required after .PEN_DOWN in line {}: got none",
                     path_, number, down_);
  }
  void end_stroke(int number) {
    unroll::check_io(down_ > 0, "{}:{}: .PEN_DOWN was required before .PEN_UP: got none", path_,
                     number);
    unroll::check_io(!drawings.back().strokes.back().empty(),
                     "{}:{}: a point between .PEN_DOWN and .PEN_UP was required: got none", path_,
                     number);
    down_ = 0;
  }

  const std::string& path_;
  int down_ = 0;  // line of the last .PEN_DOWN; 0: the pen is up
};

}  // namespace

Drawings read_unipen(const std::string& text, const std::string& path) {
  Reader reader(path);
  for_each_line(text, [&](std::string_view line, int number) { reader.line(line, number); });
  reader.end();
  return std::move(reader.drawings);
}

}  // namespace strokes
