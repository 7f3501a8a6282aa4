#include "examples/dna_sequence/report.h"

#include "examples/common/terminal.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

namespace dna {

using program::say;

namespace {

constexpr std::size_t kMaxShown = 12, kMaxReported = 50;  // classes

const Line* best(const std::vector<Line>& lines, bool network,
                 const std::function<bool(const Line&, const Line&)>& better) {
  const Line* out = nullptr;
  for (const Line& line : lines)
    if (line.network == network && (out == nullptr || better(line, *out))) out = &line;
  return out;
}

std::string p_text(double p) { return p < 1e-4 ? "p < 0.0001" : fmt::format("p = {:.4f}", p); }

}  // namespace

void Line::add(const Examples& e, const std::vector<Index>& which, const Probabilities& p) {
  const bool two = e.classes.size() == 2;
  const auto of = static_cast<std::size_t>(two ? positive_class(e.classes) : 0);
  for (std::size_t i = 0; i < which.size(); ++i) {
    const Index truth = e.labels[static_cast<std::size_t>(which[i])],
                predicted = program::best_of(p[i]);
    confusion.add(truth, predicted);
    right.push_back(truth == predicted);
    if (!two) continue;
    positive.push_back(truth == static_cast<Index>(of));
    scores.push_back(p[i][of]);
  }
}

void Line::append(const Line& other) {
  remark = other.remark;
  middle_loss += other.middle_loss;
  confusion += other.confusion;
  right.insert(right.end(), other.right.begin(), other.right.end());
  positive.insert(positive.end(), other.positive.begin(), other.positive.end());
  scores.insert(scores.end(), other.scores.begin(), other.scores.end());
}

Line line_of(const std::string& name, const Examples& e, bool network) {
  const std::map<std::string, std::string> remarks{
      {"majority", "always the most frequent class"},
      {"naive_bayes", "the base at each position, each for itself"},
      {"kmer", "naive Bayes on words of bases, wherever they stand"},
      {"markov", "a Markov chain for each class"},
      {"junction", "two readers that meet in the middle"},
      {"attention", "bidirectional GRU, attention over everything"},
      {"motifs", "counted words and positions, corrected by motifs and a GRU"},
      {"together", "the mean of the networks' probabilities"}};
  return Line(name, remarks.at(name), network, static_cast<Index>(e.classes.size()));
}

double log_loss(const Examples& e, const std::vector<Index>& which, const Probabilities& p) {
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const auto label = static_cast<std::size_t>(e.labels[static_cast<std::size_t>(which[i])]);
    sum -= std::log(std::max(1e-30, p[i][label]));
  }
  return p.empty() ? 0 : sum / static_cast<double>(p.size());
}

Index positive_class(const std::vector<std::string>& classes) {
  for (std::size_t c = 0; c < classes.size(); ++c)
    for (const char* name : {"+", "1", "yes", "true", "pos", "positive", "Yes", "True", "Positive"})
      if (classes[c] == name) return static_cast<Index>(c);
  return 0;
}

void print_scores(const Examples& e, const std::vector<Line>& lines, program::Report& report) {
  const bool two = e.classes.size() == 2;
  const Index of = positive_class(e.classes);
  const std::vector<std::string> names = program::metric_names(e.classes);
  say("\n{} sequences that were not trained on.\n\n", lines[0].confusion.all());
  std::vector<std::string> headings{"", "accuracy", "±", "macro F1", "MCC"};
  if (two) headings.insert(headings.end(), {"AUC", "sens.", "spec."});
  program::Table table(headings);
  const auto most = [&](const auto& score) {
    double x = -2;
    for (const Line& line : lines) x = std::max(x, score(line.confusion));
    return x;
  };
  const double accuracy = most([](const auto&c) { return c.accuracy(); }),
               f1 = most([](const auto&c) { return c.macro_f1(); }),
               mcc = most([](const auto&c) { return c.mcc(); });
  const auto text = [](double x) { return fmt::format("{:.4f}", x); };
  for (const Line& line : lines) {
    const program::Confusion& c = line.confusion;
    std::vector<program::Table::Cell> cells{{text(c.accuracy()), c.accuracy() == accuracy},
                                            {text(c.standard_error())},
                                            {text(c.macro_f1()), c.macro_f1() == f1},
                                            {text(c.mcc()), c.mcc() == mcc}};
    report.add("accuracy." + line.name, c.accuracy());
    report.add("accuracy." + line.name + ".standard_error", c.standard_error());
    report.add("macro_f1." + line.name, c.macro_f1());
    report.add("mcc." + line.name, c.mcc());
    if (two) {
      const double auc = program::auc(line.scores, line.positive);
      if (!std::isnan(auc)) report.add("auc." + line.name, auc);
      report.add("sensitivity." + line.name, c.recall(of));
      report.add("specificity." + line.name, c.specificity(of));
      cells.insert(
          cells.end(),
          {{std::isnan(auc) ? "-" : text(auc)}, {text(c.recall(of))}, {text(c.specificity(of))}});
    } else if (names.size() <= kMaxReported) {
      for (std::size_t k = 0; k < names.size(); ++k) {
        const auto id = static_cast<Index>(k);
        report.add(fmt::format("sensitivity.{}.{}", line.name, names[k]), c.recall(id));
        report.add(fmt::format("specificity.{}.{}", line.name, names[k]), c.specificity(id));
      }
    }
    table.add(line.name, std::move(cells));
  }
  table.print();
  say("\n");
  for (const Line& line : lines) say("  {:<12} {}\n", line.name, line.remark);
  say("\nAccuracy is the share of right predictions, ± its standard error; * is the best.\n");
  if (two)
    say("AUC, sensitivity (the share that is found) and specificity are those of class {}.\n",
        unroll::excerpt(e.classes[static_cast<std::size_t>(of)]));
}

void print_verdict(const std::vector<Line>& lines, program::Report& report) {
  const Line* baseline = best(lines, false, [](const Line& a, const Line& b) {
    return a.confusion.accuracy() > b.confusion.accuracy();
  });
  const Line* network =
      best(lines, true, [](const Line& a, const Line& b) { return a.middle_loss < b.middle_loss; });
  if (baseline == nullptr || network == nullptr) return;
  Index networks = 0;
  for (const Line& line : lines) {
    if (!line.network) continue;
    ++networks;
    const program::Comparison c = program::compare(line.right, baseline->right);
    report.add("accuracy_difference." + line.name, c.difference);
    report.add("accuracy_difference." + line.name + ".standard_error", c.standard_error);
    report.add("mcnemar_p." + line.name, c.p_value);
  }
  const program::Comparison c = program::compare(network->right, baseline->right);
  const char* verdict = c.p_value >= 0.05  ? "is neither better nor worse than"
                        : c.difference > 0 ? "is better than"
                                           : "is worse than";
  say("\nVerdict: {} {} {}: accuracy {:+.4f} ± {:.4f}.\n", network->name, verdict, baseline->name,
      c.difference, c.standard_error);
  say("{}{} is the best baseline. {} alone is right on {}, {} alone on {}\n"
      "(McNemar: {}).\n",
      networks > 1 ? network->name + " is the best network on the middle part, " : "",
      baseline->name, network->name, c.only_first, baseline->name, c.only_second,
      p_text(c.p_value));
}

void print_confusions(const Examples& e, const std::vector<Line>& lines, program::Report& report) {
  const std::vector<std::string> names = program::metric_names(e.classes);
  if (names.size() > kMaxReported) {
    say("\nNo confusion matrices: at most {} classes were required: got {}.\n", kMaxReported,
        names.size());
    return;
  }
  for (const Line& line : lines) {
    std::vector<std::string> headings{"is \\ predicted"};
    headings.insert(headings.end(), e.classes.begin(), e.classes.end());
    program::Table table(headings);
    for (std::size_t truth = 0; truth < names.size(); ++truth) {
      std::vector<program::Table::Cell> cells;
      for (std::size_t predicted = 0; predicted < names.size(); ++predicted) {
        const Index n =
            line.confusion.count(static_cast<Index>(truth), static_cast<Index>(predicted));
        cells.push_back({fmt::format("{}", n)});
        report.add(fmt::format("confusion.{}.{}.{}", line.name, names[truth], names[predicted]),
                   static_cast<double>(n));
      }
      table.add(e.classes[truth], std::move(cells));
    }
    if (names.size() > kMaxShown || line.name == "majority") continue;
    say("\nThe predictions of {}:\n\n", line.name);
    table.print();
  }
  if (names.size() > kMaxShown)
    say("\nThe confusion matrices of {} classes are in the file of --json alone.\n", names.size());
}

}  // namespace dna
