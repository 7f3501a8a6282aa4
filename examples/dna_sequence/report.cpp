#include "examples/dna_sequence/report.h"

#include "examples/common/picture.h"
#include "examples/common/terminal.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace dna {

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
      "\nThe share of right answers, * is the best, with its standard error: differences of\n"
      "less than twice that may be chance.\n");
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
                    const std::string& folder) {
  const std::size_t length = e.sequences[0].size();
  const auto middle = static_cast<Index>(length / 2);
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
    blocks += fmt::format("$class{} << E\n", c);
    for (std::size_t p = 0; p < length; ++p) {
      double weight = 0;
      std::array<double, unroll::data::kBases> share{};
      for (std::size_t b = 0; b < members.size(); ++b) {
        weight += weights.at({layout.row(static_cast<Index>(b), static_cast<Index>(p))}) / n;
        share[members[b][p]] += 1 / n;
      }
      const auto top = std::max_element(share.begin(), share.end()) - share.begin();
      // Positions count from the middle as biologists do: ..., -2, -1, +1, +2, ...
      blocks += fmt::format("{} {:.6f} \"{}\"\n",
                            static_cast<double>(p) + 0.5 - static_cast<double>(middle), weight,
                            share[top] > 0.8 ? std::string(1, "ACGTN"[top]) : "");
    }
    blocks += "E\n";
    plots += fmt::format(
        "set title {}\nplot $class{} using 1:2 with boxes fs solid 0.7 lc rgb '#3182bd' notitle, "
        "$class{} using 1:2:3 with labels offset 0,0.7 font 'Sans Bold,12' notitle\n",
        program::quoted(fmt::format("class {}", e.classes[c])), c, c);
    ++drawn;
  }
  program::draw(folder + "/dna_attention.png",
                fmt::format("{}set multiplot layout {},1\nset ylabel 'mean weight'\nset yrange "
                            "[0:*]\nset boxwidth 0.8\n{}unset multiplot\n",
                            blocks, drawn, plots));
}

}  // namespace dna
