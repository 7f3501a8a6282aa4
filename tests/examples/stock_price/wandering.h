// Prices that are made up.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <string>

// Prices that wander, one line a day; `spoil` may change a line.
inline std::string wandering_prices(int days, const std::string& header,
                                    const std::function<std::string(int, double, double)>& line) {
  std::string text = header + "\n";
  double a = 100, b = 20;
  for (int day = 0; day < days; ++day) {
    a *= std::exp(0.01 * std::sin(day * day));
    b *= std::exp(0.02 * std::cos(3.0 * day * day));
    text += line(day, a, b) + "\n";
  }
  return text;
}

inline std::string plain_line(int, double a, double b) { return fmt::format("{},{}", a, b); }
