#include "examples/common/terminal.h"

#include <unroll/tensor/error.h>

#include <fmt/format.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace program {
namespace {

// Can the cursor be moved?
bool is_terminal() {
  const char* term = std::getenv("TERM");
  return isatty(STDOUT_FILENO) != 0 && term != nullptr && std::string_view(term) != "dumb";
}

// https://no-color.org
bool has_colours() {
  const char* none = std::getenv("NO_COLOR");
  return is_terminal() && (none == nullptr || *none == '\0');
}

std::size_t terminal_width() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

bool begins_letter(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

std::size_t width_of(const std::string& utf8) {
  std::size_t letters = 0;
  for (const char c : utf8) letters += begins_letter(c);
  return letters;
}

// The first `width` letters of a text.
std::string cut(const std::string& utf8, std::size_t width) {
  std::size_t letters = 0, at = 0;
  for (; at < utf8.size(); ++at)
    if (begins_letter(utf8[at]) && ++letters > width) break;
  return utf8.substr(0, at);
}

std::string padded(const std::string& text, std::size_t width, bool right) {
  const std::string space(width - std::min(width, width_of(text)), ' ');
  return right ? space + text : text + space;
}

}  // namespace

Progress::Progress(std::string label, unroll::Index total)
    : label_(std::move(label)),
      total_(total),
      start_(std::chrono::steady_clock::now()),
      shown_(start_ - std::chrono::hours(1)) {}

void Progress::show() const {
  constexpr int kWidth = 13;
  const int filled = total_ > 0 ? static_cast<int>(kWidth * done_ / total_) : kWidth;
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  std::string bar;
  for (int i = 0; i < kWidth; ++i) bar += i < filled ? "█" : "░";
  const std::string line = fmt::format("{} {} {:>3}/{} {:5.1f}s  {}", padded(label_, 15, false),
                                       bar, done_, total_, seconds, note_);
  // A line that wraps could not be drawn again in its place.
  // A terminal that is gone must not stop what is under way, as fmt::print would by throwing.
  const std::string drawn =
      is_terminal() ? "\r" + cut(line, terminal_width() - 1) + "\033[K" : line + "\n";
  std::fputs(drawn.c_str(), stdout);
  std::fflush(stdout);
}

void Progress::step(const std::string& note) {
  ++done_;
  note_ = note;
  const auto now = std::chrono::steady_clock::now();
  if (!is_terminal() || now - shown_ < std::chrono::milliseconds(50)) return;
  shown_ = now;
  show();
}

void Progress::end(const std::string& note) { note_ = note; }

Progress::~Progress() {
  show();
  if (is_terminal()) std::fputs("\n", stdout);
}

Table::Table(const std::vector<std::string>& headings) {
  for (const std::string& heading : headings) headings_.push_back(unroll::excerpt(heading));
}

void Table::add(const std::string& name, std::vector<Cell> cells, std::string remark) {
  rows_.push_back({unroll::excerpt(name), std::move(cells), std::move(remark)});
}

std::string Table::str(bool bold) const {
  // A star stands outside the column of digits, so that these stay below each other.
  std::vector<std::size_t> widths, spreads(headings_.size(), 0);
  for (const std::string& heading : headings_) widths.push_back(width_of(heading));
  for (const Row& row : rows_) {
    widths[0] = std::max(widths[0], width_of(row.name));
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      widths[i + 1] = std::max(widths[i + 1], width_of(row.cells[i].text));
      spreads[i + 1] = std::max(spreads[i + 1], width_of(row.cells[i].spread));
    }
  }
  std::string out, line;
  const auto end_line = [&] { out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n"; };
  line = "  " + padded(headings_[0], widths[0], false) + " ";
  for (std::size_t i = 1; i < headings_.size(); ++i)
    line += " " + padded(headings_[i], widths[i], true) + " " + padded("", spreads[i], true);
  end_line();
  for (const Row& row : rows_) {
    line = "  " + padded(row.name, widths[0], false) + " ";
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      const auto& [text, best, spread] = row.cells[i];
      const std::string cell = padded(text, widths[i + 1], true) + (best ? "*" : " ");
      line += " " + (best && bold ? "\033[1m" + cell + "\033[0m" : cell);
      line += padded(spread, spreads[i + 1], false);
    }
    line += " " + row.remark;
    end_line();
  }
  return out;
}

void Table::print() const { fmt::print("{}", str(has_colours())); }

MeanAndStd mean_and_std(const std::vector<double>& values) {
  MeanAndStd s;
  const auto n = static_cast<double>(values.size());
  for (const double v : values) s.mean += v / n;
  if (values.size() < 2) return s;
  for (const double v : values) s.std += (v - s.mean) * (v - s.mean) / (n - 1);
  s.std = std::sqrt(s.std);
  return s;
}

}  // namespace program
