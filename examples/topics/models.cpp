#include "examples/topics/models.h"

#include <unroll/tensor/error.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace topics {

Kind kind_of(const std::string& name) {
  for (std::size_t i = 0; i < std::size(kBags); ++i)
    if (name == kBags[i]) return static_cast<Kind>(i);
  const std::vector<std::string>& kinds = program::sequence_kinds();
  if (std::find(kinds.begin(), kinds.end(), name) != kinds.end()) return Kind::in_order;
  unroll::fail(
      "model: naive_bayes, linear, embedding_bag or a sequence model ({}) was required: "
      "got \"{}\"",
      fmt::join(kinds, ", "), unroll::excerpt(name));
}

program::SequenceOptions reader_of(const std::string& kind, Index hidden) {
  return {.kind = kind, .in = hidden, .hidden = hidden, .bidirectional = true};
}

void NaiveBayes::learn(const Lists& texts, const std::vector<Index>& labels, double smoothing) {
  const auto features = static_cast<std::size_t>(log_p.shape()[0]),
             classes = static_cast<std::size_t>(log_p.shape()[1]);
  std::vector<double> of_class(classes), total(classes, smoothing * static_cast<double>(features)),
      counts(features * classes, smoothing);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto label = static_cast<std::size_t>(labels[i]);
    ++of_class[label];
    for (Index id : texts[i]) {
      ++counts[static_cast<std::size_t>(id) * classes + label];
      ++total[label];
    }
  }
  for (std::size_t i = 0; i < counts.size(); ++i)
    counts[i] = std::log(counts[i] / total[i % classes]);
  // A class without training examples counts as half an example.
  for (double& n : of_class) n = std::log(std::fmax(n, 0.5) / static_cast<double>(texts.size()));
  log_p.set_value(Tensor::from(counts, log_p.shape(), unroll::f32));
  prior.set_value(Tensor::from(of_class, prior.shape(), unroll::f32));
}

}  // namespace topics
