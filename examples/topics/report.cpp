#include "examples/topics/report.h"

#include "examples/common/picture_text.h"
#include "examples/common/plot.h"
#include "examples/common/terminal.h"

#include <algorithm>

namespace topics {
namespace {

// The first of those with the highest accuracy.
const Result& best_of(const std::vector<Result>& results) {
  return *std::max_element(results.begin(), results.end(), [](const Result& a, const Result& b) {
    return a.confusion.accuracy() < b.confusion.accuracy();
  });
}

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
  const Result* const best = &best_of(results);
  program::Table table({"", "accuracy", "macro F1", "seconds", "values", "features"});
  table.add("most frequent class", {{fmt::format("{:.4f}", most)}});
  report.add("accuracy.majority", most);
  for (const Result& r : results) {
    table.add(r.name,
              {{fmt::format("{:.4f}", accuracy(r)), &r == best},
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
  std::string equals;  // models that the best one does not beat
  for (const Result& r : results)
    if (&r != best && r.right.size() == best->right.size()) {
      const program::Comparison c = program::compare(best->right, r.right);
      program::say("{} is {:.4f} +- {:.4f} ahead of {} (paired standard error).\n", best->name,
                   c.difference, c.standard_error, r.name);
      if (!program::wins(c.difference, c.standard_error))
        equals += (equals.empty() ? "" : ", ") + r.name;
    }
  if (results.size() > 1)
    program::print(program::wrapped(
        equals.empty() ? fmt::format("{} wins: it is ahead of each other model {}.", best->name,
                                     program::kWins)
                       : fmt::format("No model wins: {} is not ahead of {} {}.", best->name, equals,
                                     program::kWins)));
  print_confusions(*best, classes);
}

void draw_results(const std::vector<Result>& results, const data::Vocabulary& classes,
                  const std::string& path) {
  if (path.empty() || results.empty() || results[0].confusion.all() == 0) return;
  program::Panel bars;
  bars.title = "Accuracy of each model, with its standard error";
  bars.y.label = "share correct", bars.y.low = 0, bars.y.high = 1;
  bars.x.low = -0.6, bars.x.high = static_cast<double>(results.size()) - 0.4;
  program::Numbers places, accuracies;
  for (const Result& r : results) {
    places.push_back(static_cast<double>(places.size()));
    accuracies.push_back(r.confusion.accuracy());
    bars.x.tics.emplace_back(places.back(), program::drawable(r.name, "model"));
  }
  bars.boxes(places, accuracies, 0.5, {.colour = program::kLightBlue});
  for (std::size_t i = 0; i < results.size(); ++i) {
    const double at = places[i], share = accuracies[i],
                 error = results[i].confusion.standard_error();
    bars.line({at, at}, {share - error, share + error}, {.width = 3});
    bars.text(at, std::min(share + 0.06, 0.95), fmt::format("{:.4f}", share), {.size = 12});
  }
  // The share of the texts of each class (a row) for which each class was predicted.
  const Result& best = best_of(results);
  std::vector<program::Numbers> rows;
  std::vector<std::string> truths, names;
  for (Index c = 0; c < classes.size(); ++c)
    names.push_back(program::drawable(classes.unit(c), fmt::format("class {}", c + 1)));
  for (Index t = 0; t < classes.size(); ++t) {
    double all = 0;
    program::Numbers row;
    for (Index p = 0; p < classes.size(); ++p) {
      row.push_back(static_cast<double>(best.confusion.count(t, p)));
      all += row.back();
    }
    if (all == 0) continue;  // no text of the class was tested
    for (double& count : row) count /= all;
    rows.push_back(std::move(row));
    truths.push_back(names[static_cast<std::size_t>(t)]);
  }
  program::Panel heat;
  heat.title = fmt::format("Predictions of {}: the share of each class, by rows", best.name);
  heat.x.label = "predicted", heat.y.label = "true class";
  heat.heat(rows, truths, names);
  program::Figure figure;
  figure.panel_width = 1000, figure.panel_height = classes.size() <= 60 ? 560 : 1100;
  figure.add(bars).add(heat).draw(path);
}

}  // namespace topics
