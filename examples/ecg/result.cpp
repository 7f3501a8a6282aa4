#include "examples/ecg/result.h"

#include "examples/common/terminal.h"

#include <algorithm>
#include <cmath>

namespace ecg {
namespace {

using program::Confusion;

// The mean recall of the classes that occur.
double macro_recall(const Confusion& c, Index classes) {
  double sum = 0, there = 0;
  for (Index truth = 0; truth < classes; ++truth) {
    Index examples = 0;
    for (Index predicted = 0; predicted < classes; ++predicted)
      examples += c.count(truth, predicted);
    if (examples > 0) sum += c.recall(truth), ++there;
  }
  return there > 0 ? sum / there : 0;
}

constexpr struct {
  const char* name;
  const char* heading;
  double (*of)(const Result&);
} kMeasures[] = {{"accuracy", "accuracy", [](const Result& r) { return r.confusion.accuracy(); }},
                 {"macro_recall", "macro recall",
                  [](const Result& r) { return macro_recall(r.confusion, r.classes); }},
                 {"macro_f1", "macro F1", [](const Result& r) { return r.confusion.macro_f1(); }}};

// Prints and reports one row; each cell is the mean over the results.
void add_row(program::Table& table, const std::string& name, const std::vector<Result>& results,
             const std::string& suffix, const std::string& remark, program::Report& report) {
  std::vector<program::Table::Cell> cells;
  for (const auto& measure : kMeasures) {
    std::vector<double> values;
    for (const Result& r : results) values.push_back(measure.of(r));
    const program::MeanAndStd s = program::mean_and_std(values);
    cells.push_back({fmt::format("{:.4f}", s.mean), false,
                     values.size() > 1 ? fmt::format(" ± {:.4f}", s.std) : ""});
    report.add(measure.name + suffix, s.mean);
    if (values.size() > 1) report.add(fmt::format("{}_std{}", measure.name, suffix), s.std);
  }
  table.add(name, cells, remark);
}

void print_classes(const Confusion& c, const std::vector<std::string>& classes) {
  program::say("\n");
  program::Table table({"class", "series", "recall", "precision"});
  for (Index i = 0; i < std::ssize(classes); ++i) {
    Index there = 0;
    for (Index p = 0; p < std::ssize(classes); ++p) there += c.count(i, p);
    if (there > 0)
      table.add(classes[static_cast<std::size_t>(i)], {{fmt::format("{}", there)},
                                                       {fmt::format("{:.4f}", c.recall(i))},
                                                       {fmt::format("{:.4f}", c.precision(i))}});
  }
  table.print();
}

std::string verdict(const Result& network, const Result& nearest, std::size_t seeds) {
  const program::Comparison c = program::compare(network.right, nearest.right);
  const std::string who = seeds > 1 ? fmt::format("The mean of {} networks", seeds) : "The network",
                    by = fmt::format("{:.4f} +- {:.4f} in accuracy (paired standard error)",
                                     std::abs(c.difference), c.standard_error);
  if (std::abs(c.difference) <= 2 * c.standard_error)
    return fmt::format("{} and the nearest neighbour are level: they differ by {}.", who, by);
  return fmt::format("{} {} the nearest neighbour by {}.", who,
                     c.difference > 0 ? "beats" : "loses to", by);
}

}  // namespace

Result result_of(const std::vector<Index>& predicted, const std::vector<Index>& labels,
                 Index classes) {
  Result out{classes, Confusion(classes), {}};
  for (std::size_t i = 0; i < labels.size(); ++i) {
    out.confusion.add(labels[i], predicted[i]);
    out.right.push_back(labels[i] == predicted[i]);
  }
  return out;
}

std::vector<Index> predicted_by(const program::Probabilities& probabilities) {
  std::vector<Index> out;
  for (const auto& row : probabilities) out.push_back(program::best_of(row));
  return out;
}

program::Probabilities mean_of(const std::vector<program::Probabilities>& all) {
  program::Probabilities out = all.at(0);
  for (std::size_t s = 1; s < all.size(); ++s)
    for (std::size_t i = 0; i < out.size(); ++i)
      for (std::size_t c = 0; c < out[i].size(); ++c) out[i][c] += all[s][i][c];
  for (auto& row : out)
    for (double& p : row) p /= static_cast<double>(all.size());
  return out;
}

void print_results(const Results& r, const std::vector<std::string>& classes,
                   program::Report& report) {
  const std::size_t seeds = r.seeds.size();
  std::vector<std::string> headings{""};
  for (const auto& measure : kMeasures) headings.emplace_back(measure.heading);
  program::Table table(headings);
  const bool has_nearest = !r.nearest.right.empty();
  if (has_nearest)
    add_row(table, "nearest neighbour", {r.nearest}, ".nearest_neighbour", "Euclidean distance",
            report);
  add_row(
      table, "network", r.seeds, "",
      seeds > 1 ? fmt::format("mean ± std of {} seeds", seeds) : r.network + ", both directions",
      report);
  if (seeds > 1)
    add_row(table, "networks together", {r.together}, ".together", "mean of their probabilities",
            report);
  table.print();
  program::say("{} test examples; the accuracy's standard error is {:.4f}.\n",
               r.together.right.size(), r.together.confusion.standard_error());
  if (has_nearest) program::print(program::wrapped(verdict(r.together, r.nearest, seeds)));
  print_classes(r.together.confusion, classes);
}

}  // namespace ecg
