#include "examples/stock_price/verdict.h"

#include <unroll/tensor/error.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace stock {
namespace {

constexpr double kClear = 2;  // standard errors

enum class Outcome { better, level, worse };

Outcome outcome(const Difference& d) {
  if (std::abs(d.mean) <= kClear * d.standard_error) return Outcome::level;
  return d.mean < 0 ? Outcome::better : Outcome::worse;
}

// "beats EWMA (nll lower by 0.0384 ± 0.0098)"
std::string of_one_column(const Entry& network, const Entry& baseline, const std::string& called) {
  const Difference d = difference(network.scores[0], baseline.scores[0]);
  const Outcome o = outcome(d);
  return fmt::format("{} {} (nll {} by {:.4f} ± {:.4f})",
                     o == Outcome::better  ? "beats"
                     : o == Outcome::worse ? "loses to"
                                           : "is about level with",
                     called, d.mean < 0 ? "lower" : "higher", std::abs(d.mean), d.standard_error);
}

// "beats EWMA on 4 of 4 columns"
std::string of_columns(const Market& m, const Entry& network, const Entry& baseline,
                       const std::string& called) {
  std::size_t better = 0;
  std::string worse;
  for (std::size_t j = 0; j < network.scores.size(); ++j) {
    const Outcome o = outcome(difference(network.scores[j], baseline.scores[j]));
    better += o == Outcome::better;
    if (o == Outcome::worse)
      worse += (worse.empty() ? "" : ", ") + unroll::excerpt(m.prices.names[j]);
  }
  return fmt::format("beats {} on {} of {} columns{}", called, better, network.scores.size(),
                     worse.empty() ? "" : " and loses to it on " + worse);
}

}  // namespace

const Entry* find_entry(const std::vector<Entry>& entries, const std::string& name) {
  for (const Entry& entry : entries)
    if (entry.name == name) return &entry;
  return nullptr;
}

std::string verdict(const Market& m, const std::vector<Entry>& entries) {
  const std::ptrdiff_t best = best_network(entries);
  const Entry *ewma = find_entry(entries, "ewma"), *garch = find_entry(entries, "garch");
  const bool one = m.columns() == 1;
  if (best < 0) {
    const std::string said =
        one ? of_one_column(*garch, *ewma, "EWMA") : of_columns(m, *garch, *ewma, "EWMA");
    return fmt::format("Verdict: GARCH(1,1) {}; no network was asked for.", said);
  }
  const Entry& network = entries[static_cast<std::size_t>(best)];
  const auto said = [&](const Entry& baseline, const std::string& called) {
    return one ? of_one_column(network, baseline, called)
               : of_columns(m, network, baseline, called);
  };
  const auto networks = std::count_if(entries.begin(), entries.end(),
                                      [](const Entry& entry) { return entry.network; });
  return fmt::format("Verdict: {}{} {} and {}.", network.name,
                     networks > 1 ? ", the best network on the middle part," : "",
                     said(*ewma, "EWMA"), said(*garch, "GARCH(1,1)"));
}

}  // namespace stock
