#include "examples/languages/model.h"

#include <unroll/tensor/error.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace languages {
namespace {

// log p - log sum exp: the log-probability of each language.
void normalise(std::vector<double>& log_p) {
  const double top = *std::max_element(log_p.begin(), log_p.end());
  double sum = 0;
  for (double x : log_p) sum += std::exp(x - top);
  for (double& x : log_p) x -= top + std::log(sum);
}

Tensor of_ids(const std::vector<Index>& ids) {
  return unroll::IndexTensor(ids).to(unroll::f32);  // exact: far below 2^24
}

}  // namespace

void Model::store(const Encoded& counted) {
  std::vector<Index> all, each;
  for (const Ids& ids : counted.texts) {
    all.insert(all.end(), ids.begin(), ids.end());
    each.push_back(static_cast<Index>(ids.size()));
  }
  text.set_value(of_ids(all));
  lengths.set_value(of_ids(each));
  labels.set_value(of_ids(counted.labels));
}

Encoded Model::stored(Index characters, Index languages) const {
  const auto ids = unroll::IndexTensor::from(text.value()),
             each = unroll::IndexTensor::from(lengths.value()),
             of = unroll::IndexTensor::from(labels.value());
  ids.check_range("languages: the counted text", characters);
  of.check_range("languages: the counted paragraphs", languages);
  each.check_range("languages: the lengths of paragraphs", ids.numel() + 1);
  unroll::check(std::accumulate(each.begin(), each.end(), Index{0}) == ids.numel(),
                "languages: lengths of paragraphs that add up to {} were required", ids.numel());
  Encoded out;
  const Index* at = ids.data();
  for (const Index n : each) {
    out.texts.emplace_back(at, at + n);
    at += n;
  }
  out.labels.assign(of.begin(), of.end());
  return out;
}

std::vector<Ids> beginnings(const std::vector<Ids>& texts) {
  std::vector<Ids> out;
  for (const Ids& text : texts)
    out.emplace_back(text.begin(),
                     text.begin() + std::min<std::ptrdiff_t>(
                                        static_cast<std::ptrdiff_t>(text.size()), kMaxRead));
  return out;
}

Tensor voices_of(const NGrams& ngrams, const Reader& reader, const std::vector<Ids>& texts) {
  const auto count = static_cast<Index>(texts.size());
  const Index languages = ngrams.languages();
  const Tensor read = log_softmax(reader(beginnings(texts))).value();
  std::vector<double> all;
  for (Index b = 0; b < count; ++b) {
    for (std::vector<double>& log_p : ngrams.log_p(texts[static_cast<std::size_t>(b)])) {
      normalise(log_p);
      all.insert(all.end(), log_p.begin(), log_p.end());
    }
    for (Index l = 0; l < languages; ++l) all.push_back(read.at({b, l}));
  }
  return Tensor::from(all, {count, kTerms, languages}, unroll::f32);
}

}  // namespace languages
