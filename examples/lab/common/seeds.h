// Results over several seeds.
#pragma once

#include "examples/lab/common/experiment.h"

#include <string>
#include <vector>

namespace lab {

// A line of a chart: the mean over the seeds, and their range. One list of values for each seed.
Series over_seeds(const std::string& name, const std::vector<Numbers>& seeds);

// The median; of an even number of values the lower of the middle two.
Index median(std::vector<Index> values);

// "a, b, c", or "none".
std::string listed(const std::vector<std::string>& names);

}  // namespace lab
