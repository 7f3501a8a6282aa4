#include "examples/dna_sequence/report.h"

#include "examples/common/picture.h"
#include "examples/common/terminal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace dna {

namespace {

// Positions count from the middle as biologists do: ..., -2, -1, +1, +2, ...; they stand half a
// step apart from 0.
double x_of(std::size_t position, std::size_t length) {
  return static_cast<double>(position) + 0.5 - static_cast<double>(length / 2);
}

std::string tics(std::size_t length) {
  const std::size_t middle = length / 2, every = length > 60 ? 20 : length > 30 ? 10 : 5;
  std::string out = "set xtics ('middle' 0";
  for (std::size_t n = every; n <= length - middle; n += every) {
    if (n <= middle) out += fmt::format(", '-{}' {}", n, 0.5 - static_cast<double>(n));
    out += fmt::format(", '+{}' {}", n, static_cast<double>(n) - 0.5);
  }
  return out + ")\n";
}

// For each position, how much less likely the model finds the class when another base stands there:
// the mean fall of the logarithm of its probability. Some of the sequences are enough.
std::vector<double> effect_of_changes(const Attentive& model, const std::vector<Bases>& sequences,
                                      Index of_class) {
  const std::size_t some = std::min<std::size_t>(sequences.size(), 30);
  const auto mean_log_probability = [&](const std::vector<Bases>& asked) {
    return mean(unroll::log_softmax(model(asked), 1).value().select(1, of_class)).item();
  };
  const std::vector<Bases> unchanged(sequences.begin(),
                                     sequences.begin() + static_cast<std::ptrdiff_t>(some));
  const double before = mean_log_probability(unchanged);
  std::vector<double> effect;
  for (std::size_t p = 0; p < sequences[0].size(); ++p) {
    std::vector<Bases> changed;
    for (const Bases& s : unchanged)
      for (Index base = 0; base < 4; ++base)
        if (base != s[p]) changed.push_back(s), changed.back()[p] = base;
    effect.push_back(before - mean_log_probability(changed));
  }
  return effect;
}

}  // namespace

void Score::add(const Examples& e, const std::vector<Index>& which,
                const std::vector<Index>& answers) {
  for (std::size_t i = 0; i < which.size(); ++i) {
    const Index truth = e.labels[which[i]];
    ++counts_[truth][answers[i]];
    right_ += truth == answers[i];
    ++all_;
  }
}

double Score::accuracy() const {
  return all_ > 0 ? static_cast<double>(right_) / static_cast<double>(all_) : 0;
}

double Score::standard_error() const {
  return all_ > 0 ? std::sqrt(accuracy() * (1 - accuracy()) / static_cast<double>(all_)) : 0;
}

void print_accuracy(const std::vector<Line>& lines, program::Report& report) {
  fmt::print("\n{} sequences that were not trained on.\n\n", lines[0].score.all());
  double best = 0;
  for (const Line& line : lines) best = std::max(best, line.score.accuracy());
  program::Table table({"", "accuracy", "±"});
  for (const auto& [name, remark, score] : lines) {
    table.add(name,
              {{fmt::format("{:.4f}", score.accuracy()), score.accuracy() == best},
               {fmt::format("{:.4f}", score.standard_error())}},
              remark);
    report.add("accuracy." + name, score.accuracy());
    report.add("accuracy." + name + ".standard_error", score.standard_error());
  }
  table.print();
  fmt::print(
      "\nThe share of right answers, * is the best, with its standard error: a\n"
      "difference of less than twice that may be chance.\n");
}

void print_confusion(const Examples& e, const Line& line, program::Report& report) {
  std::vector<std::string> headings{"is \\ answered"};
  headings.insert(headings.end(), e.classes.begin(), e.classes.end());
  const std::vector<std::string> names = program::metric_names(e.classes);
  program::Table table(headings);
  for (std::size_t truth = 0; truth < names.size(); ++truth) {
    std::vector<program::Table::Cell> cells;
    for (std::size_t answer = 0; answer < names.size(); ++answer) {
      const Index n = line.score.count(truth, answer);
      cells.push_back({fmt::format("{}", n)});
      report.add(fmt::format("confusion.{}.{}.{}", line.name, names[truth], names[answer]),
                 static_cast<double>(n));
    }
    table.add(e.classes[truth], std::move(cells));
  }
  fmt::print("\nThe answers of {}:\n\n", line.name);
  table.print();
}

void draw_attention(const Attentive& model, const Examples& e, const std::vector<Index>& which,
                    const std::string& path) {
  const std::size_t length = e.sequences[0].size();
  if (!e.one_length() || length < 2 || length > 200) {
    fmt::print("No picture {}: sequences of one length, of 2 to 200 bases, were required.\n", path);
    return;
  }
  std::string blocks, plots;
  std::size_t drawn = 0;
  for (std::size_t c = 0; c < e.classes.size(); ++c) {
    std::vector<Bases> members;
    for (const Index i : which)
      if (e.labels[i] == static_cast<Index>(c)) members.push_back(e.sequences[i]);
    if (members.empty()) continue;
    const auto n = static_cast<double>(members.size());
    const Tensor weights = model.attend(members).weights.value();
    const unroll::SequenceLayout layout = nn::Tokens::from(members).layout;
    const std::vector<double> effect = effect_of_changes(model, members, static_cast<Index>(c));
    const auto [least, most] = std::minmax_element(effect.begin(), effect.end());
    double highest = 0;
    std::string letters;
    blocks += fmt::format("$class{} << E\n", c);
    for (std::size_t p = 0; p < length; ++p) {
      double weight = 0;
      std::array<double, unroll::data::kBases> share{};
      for (std::size_t b = 0; b < members.size(); ++b) {
        weight += weights.at({layout.row(static_cast<Index>(b), static_cast<Index>(p))}) / n;
        share[members[b][p]] += 1 / n;
      }
      highest = std::max(highest, weight);
      blocks += fmt::format("{} {:.6f} {:.6f}\n", x_of(p, length), weight, effect[p]);
      const auto top = std::max_element(share.begin(), share.end()) - share.begin();
      if (share[top] > 0.8)
        letters += fmt::format("set label '{}' at {}, graph 0.91 center font 'Sans Bold,13'\n",
                               "ACGTN"[top], x_of(p, length));
    }
    blocks += "E\n";
    plots += fmt::format(
        "unset label\n{}set title {}\nset yrange [0:{}]\nset y2range [{}:{}]\n"
        "plot $class{} using 1:2 with boxes fs solid 0.7 lc rgb '#6baed6' title 'weight of "
        "attention', "
        "$class{} using 1:3 axes x1y2 with linespoints pt 7 ps 0.5 lw 1.5 lc rgb '#d94801' "
        "title 'effect of another base on the answer'\n",
        letters,
        program::quoted(fmt::format(
            "Class {}: where the answer depends on the base, and where attention's weight is",
            e.classes[c])),
        1.25 * highest, std::min(0.0, *least), 1.25 * std::max(*most, 0.01), c, c);
    ++drawn;
  }
  const double half = static_cast<double>(length - length / 2);
  program::draw(path,
                fmt::format("{}set multiplot layout {},1\nset lmargin 10\nset rmargin 10\n"
                            "set xrange [{}:{}]\n{}set xlabel 'base, counted from the middle'\n"
                            "set ylabel 'mean weight'\nset y2label 'fall of log p'\nset y2tics\n"
                            "set boxwidth 0.8\nset arrow from 0, graph 0 to 0, graph 1 nohead dt 3 "
                            "lc rgb '#555555'\nset key top left reverse Left\n{}unset multiplot\n",
                            blocks, drawn, -half, half, tics(length), plots));
}

}  // namespace dna
