#include "examples/strokes/report.h"

#include "examples/common/metrics.h"
#include "examples/common/terminal.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace strokes {
namespace {

double share(const std::vector<bool>& right) {
  return static_cast<double>(std::count(right.begin(), right.end(), true)) /
         static_cast<double>(right.size());
}

const char* words_of(Reading reading) {
  switch (reading) {
    case Reading::strokes:
      return "drawings: the path of the pen";
    case Reading::shuffled:
      return "drawings: points shuffled";
    case Reading::shuffled_strokes:
      return "drawings: strokes shuffled";
    case Reading::image:
      return "drawings: image, row by row";
    case Reading::rows:
      return "scans: row by row";
    case Reading::pixels:
      return "scans: pixel by pixel";
  }
  return "";
}

const Result* find(const std::vector<Result>& results, Reading reading) {
  for (const Result& r : results)
    if (r.reading == reading) return &r;
  return nullptr;
}

// "a wins against b, by 0.02 +- 0.01." or "a and b are level: ...".
std::string ahead(const std::string& a, const std::string& b, const Difference& d) {
  const std::string by = fmt::format("{:.4f} +- {:.4f}", std::abs(d.mean), d.standard_error);
  if (program::wins(d.mean, d.standard_error))
    return fmt::format("{} wins against {}, by {}.", a, b, by);
  if (program::wins(-d.mean, d.standard_error))
    return fmt::format("{} wins against {}, by {}.", b, a, by);
  return fmt::format("{} and {} are level: they differ by {}.", a, b, by);
}

// The sentence on strokes and another reading of the same drawings.
std::string compared(const std::vector<Result>& results, Reading other, const std::string& name,
                     program::Report& report) {
  const Result *strokes = find(results, Reading::strokes), *x = find(results, other);
  if (strokes == nullptr || x == nullptr) return {};
  const Difference d = difference(strokes->right, x->right, strokes->groups);
  const std::string key = fmt::format("difference.strokes.{}", name_of(other));
  report.add(key, d.mean);
  report.add(key + ".standard_error", d.standard_error);
  return fmt::format("strokes or {}: {}", name, ahead("reading strokes", "reading " + name, d));
}

}  // namespace

Difference difference(const std::vector<bool>& first, const std::vector<bool>& second,
                      const std::vector<Index>& groups) {
  struct Sum {
    double d = 0, n = 0;
  };
  std::map<Index, Sum> sums;
  Sum all;
  const bool grouped = counts_groups(groups);
  for (std::size_t i = 0; i < first.size(); ++i) {
    const double d = static_cast<double>(first[i]) - static_cast<double>(second[i]);
    Sum& of = sums[grouped ? groups[i] : static_cast<Index>(i)];
    of.d += d, ++of.n, all.d += d, ++all.n;
  }
  Difference out{all.n > 0 ? all.d / all.n : 0, 0};
  double squares = 0;
  for (const auto& [group, of] : sums) squares += std::pow(of.d - of.n * out.mean, 2);
  const auto count = static_cast<double>(sums.size());
  if (count > 1) out.standard_error = std::sqrt(count / (count - 1) * squares) / all.n;
  return out;
}

bool counts_groups(const std::vector<Index>& groups) {
  constexpr std::size_t kFewest = 5;
  const std::set<Index> all(groups.begin(), groups.end());
  return all.size() >= kFewest && all.size() < groups.size();
}

std::vector<bool> right_of(const std::vector<Index>& predicted, const std::vector<Index>& labels) {
  std::vector<bool> out;
  for (std::size_t i = 0; i < labels.size(); ++i) out.push_back(predicted[i] == labels[i]);
  return out;
}

void print_results(const std::vector<Result>& results, program::Report& report) {
  if (results.empty()) return;
  const std::string& model = results[0].model;
  program::Table table({"what is read", model, "1-NN", "tests"});
  std::vector<std::string> sentences;
  bool trained = false, tested = false;  // on synthetic drawings
  for (const Result& r : results) {
    const std::string name = name_of(r.reading);
    const double accuracy = share(r.right), near = r.nearest.empty() ? 0 : share(r.nearest);
    report.add("accuracy." + name, accuracy);
    trained |= r.trained_on_synthetic, tested |= r.synthetic;
    std::vector<program::Table::Cell> cells{
        {fmt::format("{:.4f}", accuracy), !r.nearest.empty() && accuracy > near},
        {r.nearest.empty() ? "" : fmt::format("{:.4f}", near), near > accuracy},
        {fmt::format("{}", r.right.size())}};
    table.add(words_of(r.reading), std::move(cells),
              r.synthetic              ? "synthetic"
              : r.trained_on_synthetic ? "trained on synthetic"
                                       : "");
    if (r.nearest.empty()) continue;
    report.add("accuracy.nearest_neighbour." + name, near);
    const Difference d = difference(r.right, r.nearest, r.groups);
    report.add("difference.nearest_neighbour." + name, d.mean);
    report.add("difference.nearest_neighbour." + name + ".standard_error", d.standard_error);
    sentences.push_back(name + ": " + ahead("the " + model, "the nearest neighbour (1-NN)", d));
  }
  report.add("synthetic", trained || tested ? 1 : 0);
  table.print();
  for (const auto& [other, what] : {std::pair(Reading::image, "their images"),
                                    {Reading::shuffled, "shuffled points"},
                                    {Reading::shuffled_strokes, "shuffled strokes"}})
    if (std::string sentence = compared(results, other, what, report); !sentence.empty())
      sentences.push_back(std::move(sentence));
  const bool grouped = std::any_of(results.begin(), results.end(),
                                   [](const Result& r) { return counts_groups(r.groups); });
  if (!sentences.empty())
    sentences.push_back(
        fmt::format("A win is a lead {}{}.", program::kWins,
                    grouped ? "; drawings of one glyph or writer count as one observation" : ""));
  if (trained && !tested)
    sentences.emplace_back(
        "The model was trained on synthetic drawings, distorted glyphs of a font, not on "
        "handwriting.");
  if (tested)
    sentences.emplace_back(
        "Synthetic drawings are distorted glyphs of a font, not handwriting: their numbers say "
        "nothing about people's writing.");
  for (const std::string& sentence : sentences) program::print(program::wrapped(sentence));
}

}  // namespace strokes
