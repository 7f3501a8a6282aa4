#include "examples/lab/common/growth.h"

#include <cmath>

namespace lab {

double exponent(const Numbers& lengths, const Numbers& values) {
  std::size_t known = 0;
  while (known < values.size() && !std::isnan(values[known])) ++known;
  const std::size_t first = known / 2;
  double n = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (std::size_t i = first; i < known; ++i) {
    const double u = std::log(lengths[i]), v = std::log(values[i]);
    n += 1, x += u, y += v, xx += u * u, xy += u * v;
  }
  return (n * xy - x * y) / (n * xx - x * x);
}

double crossing(const Numbers& lengths, const Numbers& a, const Numbers& b) {
  std::size_t i = lengths.size();
  while (i > 0 && a[i - 1] > b[i - 1]) --i;
  if (i == 0) return lengths[0];
  if (i == lengths.size()) return std::nan("");
  const double before = std::log(a[i - 1] / b[i - 1]), after = std::log(a[i] / b[i]);
  return lengths[i - 1] * std::pow(lengths[i] / lengths[i - 1], -before / (after - before));
}

}  // namespace lab
