#include "examples/lab/common/seeds.h"

#include "examples/common/terminal.h"

#include <algorithm>

namespace lab {

Series over_seeds(const std::string& name, const std::vector<Numbers>& seeds) {
  Series out{name, {}};
  for (std::size_t i = 0; i < seeds.front().size(); ++i) {
    std::vector<double> at;
    for (const Numbers& seed : seeds) at.push_back(seed[i]);
    const auto [low, high] = std::minmax_element(at.begin(), at.end());
    out.values.push_back(program::mean_and_std(at).mean);
    if (seeds.size() > 1) out.low.push_back(*low), out.high.push_back(*high);
  }
  return out;
}

Index median(std::vector<Index> values) {
  std::sort(values.begin(), values.end());
  return values[(values.size() - 1) / 2];
}

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out.empty() ? "none" : out;
}

}  // namespace lab
