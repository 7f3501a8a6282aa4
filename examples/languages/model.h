// A bidirectional GRU (or another sequence model) over the characters of a snippet, and a
// log-linear combination of it with the n-grams:
//
//   log p(language | text) = sum_k (w_k + v_k log(n / 10)) f_k(language) + constant
//
// for a text of n characters; f_1 .. f_5 are the log-probabilities by n-grams of order 1 to 5, f_6
// is that by the GRU. The weights are learned on the validation part, on which neither was trained.
// B texts, K = 6 terms, L languages.
#pragma once

#include "examples/common/sequence_model.h"
#include "examples/languages/ngrams.h"

#include <unroll/nn/layers.h>
#include <unroll/tensor/math.h>

#include <algorithm>
#include <cmath>

namespace languages {

namespace nn = unroll::nn;
using unroll::Tensor;
using unroll::Var;

inline constexpr Index kTerms = kOrders + 1;  // K, terms of the combination
inline constexpr Index kMaxRead = 40;         // characters that the GRU reads, as in training

// What reads: a sequence model of this kind and size, in both directions.
inline program::SequenceOptions reader_options(const std::string& kind, Index hidden) {
  constexpr Index kEmbedding = 32;
  return {.kind = kind, .in = kEmbedding, .hidden = hidden, .bidirectional = true};
}

struct Reader {
  nn::Embedding embed;
  program::SequenceModel layer;
  nn::Dropout dropout{{.p = 0.2}};
  nn::Linear head;
  Reader(Index characters, Index languages, const program::SequenceOptions& o)
      : embed({.vocab = characters, .dim = o.in}),
        layer(o),
        head({.in = layer.output_size(), .out = languages}) {}
  UNROLL_FIELDS(embed, layer, dropout, head)
  Var operator()(const std::vector<Ids>& texts) const {  // logits [B, L]
    return head(dropout(layer(embed(nn::Tokens::from(texts))).last()));
  }
};

struct Mixture {
  unroll::Param weights;  // [2, K]: w and v
  Mixture() : weights(Tensor::full({2, kTerms}, 0.0)) {
    for (Index k = 0; k < kTerms; ++k) {
      Tensor w = weights.value().clone();
      w.set({0, k}, 1.0 / static_cast<double>(kTerms));
      weights.set_value(w);
    }
  }
  UNROLL_FIELDS(weights)
  // voices [B, K, L], lengths of the texts [B] -> logits [B, L]
  Var operator()(const Tensor& voices, const std::vector<Index>& lengths) const {
    std::vector<double> at;
    for (const Index n : lengths) {
      at.push_back(1);
      at.push_back(std::log(static_cast<double>(std::min(n, kMaxRead)) / 10));
    }
    const auto texts = static_cast<Index>(lengths.size());
    const Tensor of_length = Tensor::from(at, {texts, 2}, unroll::f32);
    const Var w = unroll::reshape(matmul(of_length, weights), {texts, kTerms, 1});
    return sum(voices * w, 1);
  }
};

// Everything that is saved. The n-grams are not: their text is, and it is counted again after
// loading, which takes less than a second.
struct Model {
  Reader reader;
  Mixture mixture;
  nn::Buffer text;             // [N] the ids of all paragraphs of the n-grams
  nn::Buffer lengths, labels;  // [P] of each paragraph
  Model(Index characters, Index languages, const program::SequenceOptions& o, Index n, Index p)
      : reader(characters, languages, o),
        text(Tensor::zeros({n})),
        lengths(Tensor::zeros({p})),
        labels(Tensor::zeros({p})) {}
  UNROLL_FIELDS(reader, mixture, text, lengths, labels)

  void store(const Encoded& counted);
  // Throws std::invalid_argument if lengths, labels or ids do not fit.
  Encoded stored(Index characters, Index languages) const;
};

// The first kMaxRead characters of each text.
std::vector<Ids> beginnings(const std::vector<Ids>& texts);

// The terms f_k: log-probabilities of the languages by n-grams and reader [B, K, L].
Tensor voices_of(const NGrams& ngrams, const Reader& reader, const std::vector<Ids>& texts);

}  // namespace languages
