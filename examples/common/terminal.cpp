#include "examples/common/terminal.h"

#include <unroll/tensor/error.h>

#include <fmt/format.h>

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace program {
namespace {

bool g_reader_gone = false;

// Whether the cursor can be moved.
bool is_terminal() {
  const char* term = std::getenv("TERM");
  return isatty(STDOUT_FILENO) != 0 && term != nullptr && std::string_view(term) != "dumb";
}

// See https://no-color.org.
bool has_colours() {
  const char* none = std::getenv("NO_COLOR");
  return is_terminal() && (none == nullptr || *none == '\0');
}

std::size_t terminal_width() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

bool begins_letter(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

// East Asian characters take two columns of a terminal. Unicode Standard Annex 11.
std::size_t columns_of_letter(char32_t letter) {
  constexpr std::pair<char32_t, char32_t> kWide[]{
      {0x1100, 0x115F}, {0x2E80, 0x303E}, {0x3041, 0xA4CF}, {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},
      {0xFE30, 0xFE6F}, {0xFF00, 0xFF60}, {0xFFE0, 0xFFE6}, {0x1F300, 0x1FAFF}, {0x20000, 0x3FFFD}};
  for (const auto& [first, last] : kWide)
    if (letter >= first && letter <= last) return 2;
  return letter >= 0x0300 && letter <= 0x036F ? 0 : 1;  // combining accents take no column
}

std::string padded(const std::string& text, std::size_t width, bool right) {
  const std::string space(width - std::min(width, columns_of(text)), ' ');
  return right ? space + text : text + space;
}

}  // namespace

char32_t next_letter(const std::string& utf8, std::size_t& at) {
  const auto first = static_cast<unsigned char>(utf8[at++]);
  char32_t letter = first < 0x80   ? first
                    : first < 0xE0 ? first & 0x1F
                    : first < 0xF0 ? first & 0x0F
                                   : first & 0x07;
  for (; at < utf8.size() && !begins_letter(utf8[at]); ++at)
    letter = letter << 6 | (static_cast<unsigned char>(utf8[at]) & 0x3F);
  return letter;
}

std::size_t columns_of(const std::string& utf8) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < utf8.size();) width += columns_of_letter(next_letter(utf8, at));
  return width;
}

void print(const std::string& text) {
  const bool all = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!all || std::fflush(stdout) != 0) g_reader_gone |= errno == EPIPE;
}

bool reader_gone() {
  pollfd output{STDOUT_FILENO, 0, 0};  // poll reports that the reader of a pipe has ended
  if (!g_reader_gone && ::poll(&output, 1, 0) > 0) g_reader_gone = (output.revents & POLLERR) != 0;
  return g_reader_gone;
}

std::string ProgressLine::str(std::size_t width) const {
  constexpr int kBar = 13;
  constexpr double kLong = 10;
  const int filled = total > 0 ? static_cast<int>(kBar * done / total) : kBar;
  std::string bar = " ";
  for (int i = 0; i < kBar; ++i) bar += i < filled ? "█" : "░";
  const std::string name = padded(label, 15, false),
                    count = fmt::format(" {:>3}/{} {:5.1f}s", done, total, seconds);
  std::vector<std::string> notes;
  if (left >= kLong) notes.push_back(fmt::format("{:.0f}s left", left));
  for (std::string rest = note; !rest.empty();) {
    const std::size_t end = std::min(rest.find(", "), rest.size());
    notes.push_back(rest.substr(0, end));
    rest.erase(0, end + 2);
  }
  const auto line = [&] {
    return fmt::format("{}{}{}  {}", name, bar, count, fmt::join(notes, ", "));
  };
  if (columns_of(line()) > width) bar.clear();
  while (columns_of(line()) > width && !notes.empty()) notes.pop_back();
  if (columns_of(line()) <= width) return line();
  return columns_of(count) <= width ? count : "";  // not even the label fits
}

Progress::Progress(std::string label, unroll::Index total, unroll::Index done)
    : label_(std::move(label)),
      total_(total),
      done_(done),
      before_(done),
      start_(std::chrono::steady_clock::now()),
      shown_(is_terminal() ? start_ - std::chrono::hours(1) : start_) {}

void Progress::show() const {
  const double seconds =
                   std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(),
               done = static_cast<double>(done_ - before_) + part_,
               left = static_cast<double>(total_ - done_) - part_;
  const ProgressLine line{
      label_, done_, total_, seconds, done > 0 && !ended_ ? seconds * left / done : 0, note_};
  // A wrapped line could not be redrawn in place.
  print(is_terminal() ? "\r" + line.str(terminal_width() - 1) + "\033[K" : line.str(1000) + "\n");
}

void Progress::show_if_due() {
  using namespace std::chrono_literals;
  const auto now = std::chrono::steady_clock::now();
  const std::chrono::milliseconds every = is_terminal() ? 50ms : 60000ms;
  if (now - shown_ < every) return;
  shown_ = now;
  show();
}

void Progress::part(double share) {
  part_ = share;
  show_if_due();
}

void Progress::step(const std::string& note) {
  ++done_;
  part_ = 0;
  note_ = note;
  show_if_due();
}

void Progress::end(const std::string& note) {
  note_ = note;
  ended_ = true;
}

Progress::~Progress() {
  show();
  if (is_terminal()) print("\n");
}

Table::Table(const std::vector<std::string>& headings) {
  for (const std::string& heading : headings) headings_.push_back(unroll::excerpt(heading));
}

void Table::add(const std::string& name, std::vector<Cell> cells, std::string remark) {
  rows_.push_back({unroll::excerpt(name), std::move(cells), std::move(remark)});
}

std::string Table::str(bool bold) const {
  // The star is outside the column of digits, so that digits stay aligned.
  std::vector<std::size_t> widths, spreads(headings_.size(), 0);
  for (const std::string& heading : headings_) widths.push_back(columns_of(heading));
  for (const Row& row : rows_) {
    widths[0] = std::max(widths[0], columns_of(row.name));
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      widths[i + 1] = std::max(widths[i + 1], columns_of(row.cells[i].text));
      spreads[i + 1] = std::max(spreads[i + 1], columns_of(row.cells[i].spread));
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

void Table::print() const { program::print(str(has_colours())); }

std::string wrapped(const std::string& text, std::size_t width) {
  std::string out, line, word;
  const auto end_word = [&] {
    if (!line.empty() && columns_of(line) + 1 + columns_of(word) > width) {
      out += line + "\n";
      line.clear();
    }
    if (!word.empty()) line += (line.empty() ? "" : " ") + word;
    word.clear();
  };
  for (const char c : text) {
    if (c == ' ')
      end_word();
    else
      word += c;
  }
  end_word();
  return out + line + "\n";
}

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
