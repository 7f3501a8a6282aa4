// Lines of a text and the numbers in them, for the readers.
#pragma once

#include <unroll/tensor/error.h>

#include <charconv>
#include <cmath>
#include <string>
#include <string_view>

namespace strokes {

inline std::string_view trimmed(std::string_view text) {
  constexpr const char* kBlank = " \t\r";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) + 1 - begin);
}

// Calls f(line, number) for each line, trimmed, numbered from 1.
template <class F>
void for_each_line(std::string_view text, F&& f) {
  int number = 0;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = text.find('\n', at);
    if (end == std::string_view::npos) end = text.size();
    f(trimmed(text.substr(at, end - at)), ++number);
    at = end + 1;
  }
}

// A number of moderate size, so that no sum or square of some overflows. Throws std::runtime_error.
inline double number_in(std::string_view text, const std::string& path, int line) {
  constexpr double kMost = 1e9;
  double value = 0;
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  unroll::check_io(
      error == std::errc() && end == text.data() + text.size() && std::abs(value) <= kMost,
      "{}:{}: a number from -1e9 to 1e9 was required: got \"{}\"", path, line,
      unroll::excerpt(text));
  return value;
}

}  // namespace strokes
