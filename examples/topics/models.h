// Four classifiers of texts. All take lists of ids, one per text, and return logits [B, C]. V
// features, C classes, H hidden.
#pragma once

#include "examples/topics/features.h"

#include <unroll/data/text/bag.h>
#include <unroll/nn/layers.h>
#include <unroll/nn/recurrent.h>

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

// A bidirectional LSTM over the words in order, and a linear function of its mean output.
struct Lstm {
  static constexpr double kRate = 4e-3, kDecay = 0.85;
  nn::Embedding embed;
  nn::Dropout dropout{{.p = 0.4}};
  nn::LSTM lstm;
  nn::Linear head;
  Lstm(Index features, Index classes, Index hidden)
      : embed({.vocab = features, .dim = hidden}),
        lstm({.in = hidden, .hidden = hidden, .bidirectional = true}),
        head({.in = 2 * hidden, .out = classes}) {
    embed.weight.set_value(mul(embed.weight.value(), Tensor::scalar(0.3, unroll::f32)));
  }
  UNROLL_FIELDS(embed, dropout, lstm, head)
  void prepare(const Lists&) {}
  Var operator()(const Lists& texts) const {
    return head(dropout(lstm(dropout(embed(nn::Tokens::from(texts)))).sequence.mean()));
  }
};

enum class Kind { naive_bayes, linear, embedding_bag, lstm };
inline constexpr Kind kKinds[] = {Kind::naive_bayes, Kind::linear, Kind::embedding_bag, Kind::lstm};
const char* name_of(Kind kind);
Kind kind_of(const std::string& name);  // throws std::invalid_argument

// Calls f(model) with a new model of a kind.
template <class F>
auto with_model(Kind kind, Index features, Index classes, Index hidden, F&& f) {
  switch (kind) {
    case Kind::naive_bayes:
      return f(NaiveBayes(features, classes, hidden));
    case Kind::linear:
      return f(LogisticRegression(features, classes, hidden));
    case Kind::embedding_bag:
      return f(EmbeddingBagModel(features, classes, hidden));
    default:
      return f(Lstm(features, classes, hidden));
  }
}

}  // namespace topics
