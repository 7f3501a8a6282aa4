#include "examples/topics/report.h"

#include "examples/common/terminal.h"

#include <algorithm>

namespace topics {
namespace {

double majority(const std::vector<Index>& labels, Index classes) {
  std::vector<Index> counts(static_cast<std::size_t>(classes));
  for (Index label : labels) ++counts[static_cast<std::size_t>(label)];
  return static_cast<double>(*std::max_element(counts.begin(), counts.end())) /
         static_cast<double>(labels.size());
}

// The pairs of classes that a model confuses most often.
void print_confusions(const Result& result, const data::Vocabulary& classes) {
  struct Pair {
    Index count, truth, predicted;
  };
  std::vector<Pair> pairs;
  for (Index t = 0; t < classes.size(); ++t)
    for (Index p = 0; p < classes.size(); ++p)
      if (t != p && result.confusion.count(t, p) > 0)
        pairs.push_back({result.confusion.count(t, p), t, p});
  std::sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) {
    return a.count != b.count ? a.count > b.count
                              : std::pair(a.truth, a.predicted) < std::pair(b.truth, b.predicted);
  });
  std::string text = "Most frequent confusions:";
  for (std::size_t i = 0; i < std::min<std::size_t>(4, pairs.size()); ++i)
    text += fmt::format("{} {} taken for {} ({})", i == 0 ? "" : ",", classes.unit(pairs[i].truth),
                        classes.unit(pairs[i].predicted), pairs[i].count);
  if (!pairs.empty()) program::print(program::wrapped(text + "."));
}

}  // namespace

Result result_of(const std::string& name, const program::Probabilities& probabilities,
                 const std::vector<Index>& labels, Index classes) {
  Result out{.name = name, .features = {}, .confusion = program::Confusion(classes), .right = {}};
  for (std::size_t i = 0; i < probabilities.size(); ++i) {
    if (probabilities[i].empty()) continue;  // interrupted
    const Index predicted = program::best_of(probabilities[i]);
    out.confusion.add(labels[i], predicted);
    out.right.push_back(predicted == labels[i]);
  }
  return out;
}

void print_results(const std::vector<Result>& results, const std::vector<Index>& labels,
                   const data::Vocabulary& classes, program::Report& report) {
  if (results.empty() || labels.empty()) return;
  const double most = majority(labels, classes.size());
  const auto accuracy = [](const Result& r) { return r.confusion.accuracy(); };
  const auto best =
      std::max_element(results.begin(), results.end(),
                       [&](const Result& a, const Result& b) { return accuracy(a) < accuracy(b); });
  program::Table table({"", "accuracy", "macro F1", "seconds", "values", "features"});
  table.add("most frequent class", {{fmt::format("{:.4f}", most)}});
  report.add("accuracy.majority", most);
  for (const Result& r : results) {
    table.add(r.name,
              {{fmt::format("{:.4f}", accuracy(r)), &r == &*best},
               {fmt::format("{:.4f}", r.confusion.macro_f1())},
               {r.seconds > 0 ? fmt::format("{:.1f}", r.seconds) : "-"},
               {fmt::format("{}", r.values)}},
              r.features);
    report.add("accuracy." + r.name, accuracy(r));
    report.add("macro_f1." + r.name, r.confusion.macro_f1());
    if (r.seconds > 0) report.add("seconds." + r.name, r.seconds);
    report.add("values." + r.name, static_cast<double>(r.values));
  }
  table.print();
  program::say("{} texts, {} classes; the accuracy's standard error is {:.4f}.\n", labels.size(),
               classes.size(), best->confusion.standard_error());
  for (const Result& r : results)
    if (&r != &*best && r.right.size() == best->right.size()) {
      const program::Comparison c = program::compare(best->right, r.right);
      program::say("{} is {:.4f} +- {:.4f} ahead of {} (paired standard error){}\n", best->name,
                   c.difference, c.standard_error, r.name,
                   c.difference > 2 * c.standard_error ? "." : ": within two standard errors.");
    }
  print_confusions(*best, classes);
}

}  // namespace topics
