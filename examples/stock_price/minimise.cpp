#include "examples/stock_price/minimise.h"

#include <algorithm>
#include <cmath>

namespace stock {

Minimum minimise(const std::function<double(const std::vector<double>&)>& f,
                 const std::vector<double>& start, const std::vector<double>& steps,
                 int evaluations) {
  const std::size_t n = start.size();
  const auto evaluated = [&](std::vector<double> x) {
    const double value = f(x);
    --evaluations;
    return Minimum{std::move(x), std::isnan(value) ? INFINITY : value};
  };
  std::vector<Minimum> simplex{evaluated(start)};
  for (std::size_t i = 0; i < n; ++i) {
    std::vector<double> x = start;
    x[i] += steps[i];
    simplex.push_back(evaluated(x));
  }
  const auto better = [](const Minimum& a, const Minimum& b) { return a.value < b.value; };
  constexpr double kPrecision = 1e-9;
  while (evaluations > 0) {
    std::sort(simplex.begin(), simplex.end(), better);
    if (simplex.back().value - simplex.front().value < kPrecision) break;
    std::vector<double> centre(n, 0);
    for (std::size_t k = 0; k < n; ++k)
      for (std::size_t i = 0; i < n; ++i) centre[i] += simplex[k].x[i] / static_cast<double>(n);
    // A point on the line from the worst through the centre of the others.
    const auto at = [&](double distance) {
      std::vector<double> x(n);
      for (std::size_t i = 0; i < n; ++i)
        x[i] = centre[i] + distance * (centre[i] - simplex.back().x[i]);
      return evaluated(std::move(x));
    };
    const Minimum reflected = at(1);
    if (reflected.value < simplex.front().value) {
      const Minimum further = at(2);
      simplex.back() = further.value < reflected.value ? further : reflected;
    } else if (reflected.value < simplex[n - 1].value) {
      simplex.back() = reflected;
    } else {
      const Minimum nearer = at(reflected.value < simplex.back().value ? 0.5 : -0.5);
      if (nearer.value < std::min(reflected.value, simplex.back().value)) {
        simplex.back() = nearer;
      } else {
        for (std::size_t k = 1; k <= n; ++k) {  // towards the best
          std::vector<double> x = simplex[k].x;
          for (std::size_t i = 0; i < n; ++i) x[i] = 0.5 * (x[i] + simplex[0].x[i]);
          simplex[k] = evaluated(std::move(x));
        }
      }
    }
  }
  return *std::min_element(simplex.begin(), simplex.end(), better);
}

}  // namespace stock
