#include "examples/languages/report.h"

#include "examples/common/predictions.h"
#include "examples/common/terminal.h"

#include <cmath>
#include <map>

namespace languages {
namespace {

constexpr const char* kModels[] = {"naive_bayes", "ngrams", "gru", "combined"};
constexpr std::size_t kCount = std::size(kModels);

// The accuracy of each model, by paragraph.
struct Shares {
  std::vector<std::vector<double>> of_paragraph{kCount};  // [models][paragraphs]
  Index snippets = 0;

  double mean(std::size_t model) const { return program::mean_and_std(of_paragraph[model]).mean; }
  // The mean difference of two models, and its standard error.
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

}  // namespace

void compare_models(const Model& model, const NGrams& ngrams, const Encoded& test, Index times,
                    std::uint64_t seed, program::Report& report) {
  unroll::Generator random(seed + 3);
  program::Table table({"characters", "naive Bayes", "n-grams", "GRU", "combined", "snippets"});
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
      report.add(fmt::format("accuracy.{}.{}", length, kModels[m]), shares.mean(m));
    }
    cells.push_back({fmt::format("{}", shares.snippets)});
    table.add(fmt::format("{}", length), std::move(cells));
    const program::MeanAndStd ahead = shares.difference(3, 0), of_counts = shares.difference(3, 1);
    report.add(fmt::format("difference.{}.combined", length), ahead.mean);
    report.add(fmt::format("difference.{}.combined.standard_error", length), ahead.std);
    if (length != 10) continue;
    verdict = fmt::format(
        "At 10 characters the combined model is {:.4f} +- {:.4f} ahead of naive Bayes (paired "
        "standard error of {} paragraphs), and {:.4f} +- {:.4f} ahead of the n-grams alone. ",
        ahead.mean, ahead.std, shares.of_paragraph[0].size(), of_counts.mean, of_counts.std);
    if (ahead.mean <= ahead.std)
      verdict +=
          "It does not beat naive Bayes by more than the standard error: there is too little "
          "text for longer n-grams and for the GRU.";
    else if (of_counts.mean > of_counts.std)
      verdict +=
          "Naive Bayes ignores order beyond a pair, and longer n-grams use it. Adding the GRU, "
          "which is trained on all languages together, improves on them.";
    else
      verdict +=
          "Naive Bayes ignores order beyond a pair, and longer n-grams use it. The GRU does not "
          "improve on them by more than the standard error.";
  }
  table.print();
  if (!verdict.empty()) program::print(program::wrapped(verdict));
}

}  // namespace languages
