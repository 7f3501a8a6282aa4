// Four classifiers of texts. All take lists of ids, one per text, and return logits [B, C]. V
// features, C classes, H hidden.
#pragma once

#include "examples/common/sequence_model.h"
#include "examples/topics/features.h"

#include <unroll/data/text/bag.h>
#include <unroll/nn/layers.h>

namespace topics {

namespace nn = unroll::nn;
namespace data = unroll::data;
using unroll::SparseRows;
using unroll::Tensor;
using unroll::Var;

// log p(class) + sum of log p(word | class) over the words of a text. Trained by counting.
struct NaiveBayes {
  nn::Buffer log_p;  // [V, C]
  nn::Buffer prior;  // [C]
  NaiveBayes(Index features, Index classes, Index)
      : log_p(Tensor::zeros({features, classes})), prior(Tensor::zeros({classes})) {}
  UNROLL_FIELDS(log_p, prior)

  Var operator()(const Lists& texts) const {
    return matmul(data::bag_of_words(texts, log_p.shape()[0]), log_p) + prior;
  }
  // Counts, with additive smoothing.
  void learn(const Lists& texts, const std::vector<Index>& labels, double smoothing);
};

// tf-idf of the features (binary counts), with the idf of the training part.
struct TfIdfWeights {
  nn::Buffer idf;  // [V]
  explicit TfIdfWeights(Index features) : idf(Tensor::ones({features})) {}
  UNROLL_FIELDS(idf)
  void learn(const Lists& texts) {
    const SparseRows counts = data::bag_of_words(texts, idf.shape()[0], {.binary = true});
    idf.set_value(data::TfIdf(counts).idf().to(unroll::f32));
  }
  SparseRows operator()(const Lists& texts) const {
    return data::TfIdf(idf.value())(data::bag_of_words(texts, idf.shape()[0], {.binary = true}));
  }
};

// Logistic regression on tf-idf.
struct LogisticRegression {
  static constexpr double kRate = 0.02, kDecay = 0.7;  // of Adam, and its factor for each epoch
  TfIdfWeights weights;
  nn::Linear linear;
  LogisticRegression(Index features, Index classes, Index)
      : weights(features), linear({.in = features, .out = classes}) {
    linear.weight.set_value(Tensor::zeros(linear.weight.shape()));
  }
  UNROLL_FIELDS(weights, linear)
  void prepare(const Lists& texts) { weights.learn(texts); }
  Var operator()(const Lists& texts) const { return linear(weights(texts)); }
};

// A linear function of the sum of embeddings, weighted by tf-idf.
struct EmbeddingBagModel {
  static constexpr double kRate = 0.01, kDecay = 0.8;
  TfIdfWeights weights;
  nn::EmbeddingBag embed;
  nn::Dropout dropout{{.p = 0.5}};
  nn::Linear head;
  EmbeddingBagModel(Index features, Index classes, Index hidden)
      : weights(features),
        embed({.vocab = features, .dim = hidden, .mode = nn::EmbeddingBag::Mode::sum}),
        head({.in = hidden, .out = classes}) {
    embed.weight.set_value(mul(embed.weight.value(), Tensor::scalar(0.1, unroll::f32)));
  }
  UNROLL_FIELDS(weights, embed, dropout, head)
  void prepare(const Lists& texts) { weights.learn(texts); }
  Var embedding(const Lists& texts) const { return embed(weights(texts)); }  // [B, H]
  Var operator()(const Lists& texts) const { return head(dropout(embedding(texts))); }
};

// An LSTM or another sequence model that reads the words in order, in both directions, and a linear
// function of its mean output.
struct InOrder {
  static constexpr double kRate = 4e-3, kDecay = 0.85;
  nn::Embedding embed;
  nn::Dropout dropout{{.p = 0.4}};
  program::SequenceModel reader;
  nn::Linear head;
  InOrder(Index features, Index classes, const program::SequenceOptions& o)
      : embed({.vocab = features, .dim = o.in}),
        reader(o),
        head({.in = reader.output_size(), .out = classes}) {
    embed.weight.set_value(mul(embed.weight.value(), Tensor::scalar(0.3, unroll::f32)));
  }
  UNROLL_FIELDS(embed, dropout, reader, head)
  void prepare(const Lists&) {}
  Var operator()(const Lists& texts) const {
    return head(dropout(reader(dropout(embed(nn::Tokens::from(texts)))).sequence.mean()));
  }
};

enum class Kind { naive_bayes, linear, embedding_bag, in_order };
// All models that --model names: these three, and the kinds of sequence models.
inline constexpr const char* kBags[] = {"naive_bayes", "linear", "embedding_bag"};
Kind kind_of(const std::string& name);  // throws std::invalid_argument

// Which model, and its sizes. They are stored in its file.
struct ModelOptions {
  std::string model = "lstm";
  Index hidden = 64;                     // size of the embedding
  program::SequenceOptions reader = {};  // of a model that reads in order
  UNROLL_OPTIONS(model, hidden, reader)
};
// The sequence model of that kind: bidirectional, for embeddings of this size.
program::SequenceOptions reader_of(const std::string& kind, Index hidden);

// Calls f(model) with a new model.
template <class F>
auto with_model(const ModelOptions& o, Index features, Index classes, F&& f) {
  const Index hidden = o.hidden;
  switch (kind_of(o.model)) {
    case Kind::naive_bayes:
      return f(NaiveBayes(features, classes, hidden));
    case Kind::linear:
      return f(LogisticRegression(features, classes, hidden));
    case Kind::embedding_bag:
      return f(EmbeddingBagModel(features, classes, hidden));
    default:
      return f(InOrder(features, classes, o.reader));
  }
}

}  // namespace topics
