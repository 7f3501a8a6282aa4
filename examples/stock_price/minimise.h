// Minimises a function of a few variables without derivatives: the simplex method of Nelder and
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

// Starts at `start` with initial steps of these sizes; `evaluations` is an approximate limit.
Minimum minimise(const std::function<double(const std::vector<double>&)>& f,
                 const std::vector<double>& start, const std::vector<double>& steps,
                 int evaluations);

}  // namespace stock
