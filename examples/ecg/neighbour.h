// The baseline: the class of the nearest training series by Euclidean distance (1-NN).
#pragma once

#include "examples/ecg/labelled.h"

namespace ecg {

struct Nearest {
  std::vector<Index> which;  // for each test example, the index of the nearest training example
  Index length = 0;          // at which series are compared: the median of the training lengths
  bool resampled = false;    // whether some series had another length
};
// Compares `values` only, not the extra channels. Of equally near ones, the first. Throws
// std::invalid_argument if there is no training example.
Nearest nearest_neighbours(const Examples& train, const Examples& test);

}  // namespace ecg
