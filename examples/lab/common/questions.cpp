#include "examples/lab/common/questions.h"

#include "examples/common/terminal.h"

#include <fmt/format.h>

#include <algorithm>

namespace lab {
namespace {

constexpr Index kEmbedding = 16;  // columns of a word in a network

// The mean of the words' embeddings, and one hidden layer.
struct BagOfWords {
  nn::EmbeddingBag mean;
  nn::Linear hidden, head;
  UNROLL_FIELDS(mean, hidden, head)
  BagOfWords(Index ids, Index dim, Index classes)
      : mean({.vocab = ids, .dim = dim}),
        hidden({.in = dim, .out = dim}),
        head({.in = dim, .out = classes}) {}
  Var operator()(const Batch& batch) const {
    return head(unroll::relu(hidden(mean(batch.ids))));  // [B, C]
  }
};

// Logistic regression on the counts of the words.
struct Logistic {
  nn::EmbeddingBag
      weights;         // a row of C logits for each word; their sum is the product with counts
  unroll::Param bias;  // [C]
  UNROLL_FIELDS(weights, bias)
  Logistic(Index ids, Index classes)
      : weights({.vocab = ids, .dim = classes, .mode = nn::EmbeddingBag::Mode::sum}),
        bias(unroll::Tensor::zeros({classes})) {
    weights.weight.set_value(unroll::Tensor::zeros({ids, classes}));
  }
  Var operator()(const Batch& batch) const { return weights(batch.ids) + bias; }  // [B, C]
};

std::vector<double> learned(const unroll::NamedParams& parameters, const Outputs& outputs,
                            const Question& q, const std::string& name, std::uint64_t seed) {
  learn(parameters, outputs, q.training, {.steps = q.steps, .seed = seed, .label = name});
  std::vector<double> out;
  for (const Task& test : q.tests) out.push_back(accuracy(outputs, test, q.batches, 1000 + seed));
  return out;
}

// Trains and tests one model; `count` becomes its number of parameters.
std::vector<double> learned(const std::string& name, const Question& q, std::uint64_t seed,
                            Index& count) {
  const auto of = [&](const auto& model, const Outputs& outputs) {
    const unroll::NamedParams parameters = nn::parameters(model);
    count = nn::parameter_count(parameters);
    return learned(parameters, outputs, q, name, seed);
  };
  unroll::manual_seed(seed);
  if (name == "logistic") {
    const Logistic model(q.ids, q.classes);
    return of(model, std::cref(model));
  }
  if (name == "bag") {
    Index dim = 1;
    while ((q.ids + dim + 1 + q.classes) * dim + q.classes < q.parameters) ++dim;
    const BagOfWords model(q.ids, dim, q.classes);
    return of(model, std::cref(model));
  }
  const Network model({.reader = {.kind = name},
                       .ids = q.ids,
                       .embedding = kEmbedding,
                       .outputs = q.classes,
                       .parameters = q.parameters,
                       .seed = seed});
  return of(model, [&](const Batch& batch) { return outputs(model, batch); });
}

}  // namespace

bool without_order(const std::string& model) { return model == "bag" || model == "logistic"; }

std::vector<double> Answers::of_tests(Index first, Index last) const {
  std::vector<double> out(accuracies[0].size());
  for (Index t = first; t <= last; ++t)
    for (std::size_t r = 0; r < out.size(); ++r)
      out[r] += accuracies[static_cast<std::size_t>(t)][r] / static_cast<double>(last - first + 1);
  return out;
}

Answers answers(const Experiment& e, const std::string& model, const Question& question,
                Index repetitions) {
  Answers out{.accuracies = std::vector<std::vector<double>>(question.tests.size())};
  for (Index r = 0; r < repetitions; ++r) {
    const std::vector<double> one = learned(model, question, e.seed(r), out.parameters);
    for (std::size_t t = 0; t < one.size(); ++t) out.accuracies[t].push_back(one[t]);
  }
  return out;
}

Series series(const std::string& name, const Answers& answers) {
  Series out{name, {}};
  for (const std::vector<double>& test : answers.accuracies) {
    out.values.push_back(mean(test));
    if (test.size() == 1) continue;
    out.low.push_back(*std::min_element(test.begin(), test.end()));
    out.high.push_back(*std::max_element(test.begin(), test.end()));
  }
  return out;
}

std::string best(const Shares& shares, bool of_bags) {
  std::string out;
  for (const auto& [model, share] : shares)
    if (without_order(model) == of_bags && (out.empty() || share > shares.at(out))) out = model;
  return out;
}

double mean(const std::vector<double>& values) { return program::mean_and_std(values).mean; }

std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

std::string percents(const std::vector<double>& shares) {
  const program::MeanAndStd of = program::mean_and_std(shares);
  if (shares.size() == 1) return fmt::format("{:.1f}", 100 * of.mean);
  return fmt::format("{:.1f} ± {:.1f}", 100 * of.mean, 100 * of.std);
}

}  // namespace lab
