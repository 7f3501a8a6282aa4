// The minimum of a function of a few variables without its derivative: the simplex of Nelder and
// Mead 1965.
#pragma once

#include <functional>
#include <limits>
#include <vector>

namespace stock {

struct Minimum {
  std::vector<double> x;
  double value = std::numeric_limits<double>::infinity();
};

// From `start`, with first steps of these sizes, and about so many evaluations at most.
Minimum minimise(const std::function<double(const std::vector<double>&)>& f,
                 const std::vector<double>& start, const std::vector<double>& steps,
                 int evaluations);

}  // namespace stock
