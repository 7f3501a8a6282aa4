#include "examples/languages/ngrams.h"

#include <cmath>
#include <string_view>

namespace languages {
namespace {

constexpr double kPriorCount = 2;   // b: pseudo-count of the shorter n-gram's estimate
constexpr double kSmoothing = 0.1;  // of naive Bayes

// The bytes of the n-gram that ends before `end`.
std::string_view bytes_of(const Ids& text, std::size_t end, int order) {
  const auto n = static_cast<std::size_t>(order);
  return {reinterpret_cast<const char*>(text.data() + end - n), n * sizeof(Index)};
}

}  // namespace

void NGrams::add(const Encoded& paragraphs) {
  for (std::size_t p = 0; p < paragraphs.texts.size(); ++p) {
    const Ids& text = paragraphs.texts[p];
    const auto language = static_cast<std::size_t>(paragraphs.labels[p]);
    totals_[language] += static_cast<double>(text.size());
    for (int order = 1; order <= kOrders; ++order)
      for (std::size_t end = static_cast<std::size_t>(order); end <= text.size(); ++end) {
        const auto k = static_cast<std::size_t>(order);
        const auto number = static_cast<std::size_t>(ngrams_[k].add(bytes_of(text, end, order)));
        if (number == counts_[k].size()) counts_[k].emplace_back(totals_.size());
        ++counts_[k][number][language];
      }
  }
}

const NGrams::Counts* NGrams::find(const Ids& text, std::size_t end, int order) const {
  const auto k = static_cast<std::size_t>(order);
  const Index number = ngrams_[k].find(bytes_of(text, end, order));
  return number < 0 ? nullptr : &counts_[k][static_cast<std::size_t>(number)];
}

std::vector<std::vector<double>> NGrams::log_p(const Ids& text) const {
  const std::size_t languages = totals_.size();
  std::vector<std::vector<double>> out(kOrders, std::vector<double>(languages));
  std::vector<double> p(languages);
  for (std::size_t end = 1; end <= text.size(); ++end) {
    p.assign(languages, 1 / static_cast<double>(characters_));
    for (int order = 1; order <= kOrders; ++order) {
      if (static_cast<std::size_t>(order) <= end) {
        const Counts* all = find(text, end, order);
        const Counts* before = order == 1 ? &totals_ : find(text, end - 1, order - 1);
        for (std::size_t l = 0; l < languages && before != nullptr; ++l)
          p[l] = ((all != nullptr ? (*all)[l] : 0) + kPriorCount * p[l]) /
                 ((*before)[l] + kPriorCount);
      }
      for (std::size_t l = 0; l < languages; ++l)
        out[static_cast<std::size_t>(order - 1)][l] += std::log(p[l]);
    }
  }
  return out;
}

std::vector<double> NGrams::naive_bayes(const Ids& text) const {
  std::vector<double> out(totals_.size());
  const double distinct = kSmoothing * static_cast<double>(ngrams_[2].size());
  for (std::size_t end = 2; end <= text.size(); ++end) {
    const Counts* pair = find(text, end, 2);
    for (std::size_t l = 0; l < out.size(); ++l)
      out[l] +=
          std::log(((pair != nullptr ? (*pair)[l] : 0) + kSmoothing) / (totals_[l] + distinct));
  }
  return out;
}

}  // namespace languages
