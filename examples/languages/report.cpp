#include "examples/languages/report.h"

#include "examples/common/metrics.h"
#include "examples/common/plot.h"
#include "examples/common/predictions.h"
#include "examples/common/terminal.h"

#include <cmath>
#include <map>

namespace languages {
namespace {

constexpr std::size_t kCount = 4;  // naive Bayes, n-grams, the sequence model, the combination

// The accuracy of each model, by paragraph.
struct Shares {
  std::vector<std::vector<double>> of_paragraph{kCount};  // [models][paragraphs]
  Index snippets = 0;

  double mean(std::size_t model) const { return program::mean_and_std(of_paragraph[model]).mean; }
  // The mean difference of two models, and its standard error.
  double standard_error(std::size_t model) const {
    return program::mean_and_std(of_paragraph[model]).std /
           std::sqrt(static_cast<double>(of_paragraph[model].size()));
  }
  program::MeanAndStd difference(std::size_t a, std::size_t b) const {
    std::vector<double> d;
    for (std::size_t p = 0; p < of_paragraph[a].size(); ++p)
      d.push_back(of_paragraph[a][p] - of_paragraph[b][p]);
    program::MeanAndStd out = program::mean_and_std(d);
    out.std /= std::sqrt(static_cast<double>(d.size()));
    return out;
  }
};

bool is_right(const Tensor& scores, Index text, Index label) {
  for (Index l = 0; l < scores.size(1); ++l)
    if (l != label && scores.at({text, l}) >= scores.at({text, label})) return false;
  return true;
}

Shares shares_of(const Model& model, const NGrams& ngrams, const Snippets& snippets) {
  std::map<Index, std::pair<Index, std::array<double, kCount>>> found;  // by paragraph
  for (const auto& batch : program::batches_by_length(
           std::vector<Index>(snippets.texts.size(), Index{1}), {.examples = 256})) {
    if (program::interrupted()) break;
    std::vector<Ids> texts;
    std::vector<Index> lengths;
    for (Index i : batch) {
      texts.push_back(snippets.texts[static_cast<std::size_t>(i)]);
      lengths.push_back(static_cast<Index>(texts.back().size()));
    }
    const Tensor voices = voices_of(ngrams, model.reader, texts);
    const Tensor mixed = model.mixture(voices, lengths).value();
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const auto at = static_cast<std::size_t>(batch[i]);
      const Index label = snippets.labels[at], row = static_cast<Index>(i);
      auto& [count, right] = found[snippets.paragraphs[at]];
      ++count;
      const std::vector<double> counted = ngrams.naive_bayes(texts[i]);
      right[0] += program::best_of(counted) == label;
      right[1] += is_right(voices.select(1, kOrders - 1), row, label);
      right[2] += is_right(voices.select(1, kOrders), row, label);
      right[3] += is_right(mixed, row, label);
    }
  }
  Shares out;
  for (const auto& [paragraph, result] : found) {
    out.snippets += result.first;
    for (std::size_t m = 0; m < kCount; ++m)
      out.of_paragraph[m].push_back(result.second[m] / static_cast<double>(result.first));
  }
  return out;
}

// The accuracy of each model against the length of the snippets.
class Picture {
 public:
  void add(Index length, const Shares& shares) {
    const double at = std::log2(static_cast<double>(length));
    panel_.x.tics.emplace_back(at, fmt::format("{}", length));
    at_.push_back(at);
    for (std::size_t m = 0; m < kCount; ++m) {
      const double mean = shares.mean(m), error = shares.standard_error(m);
      means_[m].push_back(mean);
      panel_.line({at, at}, {mean - error, mean + error}, {.colour = kColours[m], .width = 2});
    }
  }
  void draw(const std::string& path) {
    if (path.empty() || at_.empty()) return;
    panel_.x.label = "characters of a snippet", panel_.y.label = "share correct";
    panel_.x.low = at_.front() - 0.1, panel_.x.high = at_.back() + 0.1;
    for (std::size_t m = 0; m < kCount; ++m)
      panel_.line_points(at_, means_[m], {.title = kTitles[m], .colour = kColours[m]});
    program::Figure figure;
    figure.title = "Which language is it? Accuracy by length, with standard errors";
    figure.panel_width = 900, figure.panel_height = 520;
    figure.add(panel_).draw(path);
  }

 private:
  static constexpr const char* kTitles[] = {"naive Bayes on pairs", "n-grams", "GRU", "combined"};
  static constexpr const char* kColours[] = {program::kGrey, program::kGreen, program::kOrange,
                                             program::kBlue};
  program::Panel panel_;
  program::Numbers at_;
  std::vector<program::Numbers> means_{kCount};
};

}  // namespace

void compare_models(const Model& model, const NGrams& ngrams, const Encoded& test, Index times,
                    std::uint64_t seed, const std::string& picture, program::Report& report) {
  Picture drawing;
  unroll::Generator random(seed + 3);
  const std::string& kind = model.reader.layer.options().kind;
  const std::string reader = kind == "gru" ? "GRU" : kind;
  const std::string names[kCount] = {"naive_bayes", "ngrams", kind, "combined"};
  program::Table table({"characters", "naive Bayes", "n-grams", reader, "combined", "snippets"});
  std::string verdict;
  for (const Index length : kLengths) {
    const Snippets snippets = snippets_of(test, length, times, random);
    if (snippets.texts.empty() || program::interrupted()) continue;
    const Shares shares = shares_of(model, ngrams, snippets);
    if (shares.snippets == 0) continue;
    std::vector<program::Table::Cell> cells;
    std::size_t best = 0;
    for (std::size_t m = 1; m < kCount; ++m)
      if (shares.mean(m) > shares.mean(best)) best = m;
    for (std::size_t m = 0; m < kCount; ++m) {
      cells.push_back({fmt::format("{:.4f}", shares.mean(m)), m == best});
      report.add(fmt::format("accuracy.{}.{}", length, names[m]), shares.mean(m));
    }
    cells.push_back({fmt::format("{}", shares.snippets)});
    table.add(fmt::format("{}", length), std::move(cells));
    drawing.add(length, shares);
    const program::MeanAndStd ahead = shares.difference(3, 0), of_counts = shares.difference(3, 1);
    report.add(fmt::format("difference.{}.combined", length), ahead.mean);
    report.add(fmt::format("difference.{}.combined.standard_error", length), ahead.std);
    if (length != 10) continue;
    verdict = fmt::format(
        "At 10 characters the combined model is {:.4f} +- {:.4f} ahead of naive Bayes (paired "
        "standard error of {} paragraphs), and {:.4f} +- {:.4f} ahead of the n-grams alone. ",
        ahead.mean, ahead.std, shares.of_paragraph[0].size(), of_counts.mean, of_counts.std);
    if (!program::wins(ahead.mean, ahead.std))
      verdict += fmt::format(
          "It is not ahead of naive Bayes {}, so counting wins here: there is too little text for "
          "longer n-grams and for the {}.",
          program::kWins, reader);
    else if (program::wins(of_counts.mean, of_counts.std))
      verdict += fmt::format("It wins: it is ahead of each {}. ", program::kWins) +
                 "Naive Bayes ignores order beyond a pair, and longer n-grams use it. Adding the " +
                 reader + ", which is trained on all languages together, improves on them.";
    else
      verdict += "Naive Bayes ignores order beyond a pair, and longer n-grams use it. The " +
                 reader + " does not improve on them by more than the paired standard error.";
  }
  table.print();
  if (!verdict.empty()) program::print(program::wrapped(verdict));
  if (!program::interrupted()) drawing.draw(picture);
}

}  // namespace languages
