// A GRU that reads a snippet from both ends, and the mixture of what it says with what counting
// says.
//
//   log p(language | text) = sum_k (w_k + v_k log(n / 10)) f_k(language) + constant
//
// for a text of n characters; f_1 .. f_5 are the log-probabilities of the n-grams, f_6 that of the
// GRU. The weights are learned on the validation part, which neither has seen. B texts, L
// languages.
#pragma once

#include "examples/languages/ngrams.h"

#include <unroll/nn/layers.h>
#include <unroll/nn/options.h>
#include <unroll/nn/recurrent.h>
#include <unroll/tensor/math.h>

#include <algorithm>
#include <cmath>

namespace languages {

namespace nn = unroll::nn;
using unroll::Tensor;
using unroll::Var;

inline constexpr Index kVoices = kOrders + 1;  // that are mixed
inline constexpr Index kMaxRead = 40;          // characters that the GRU reads: its longest lesson

struct Size {
  Index hidden = 64;
  UNROLL_OPTIONS(hidden)
};

struct Reader {
  static constexpr Index kEmbedding = 32;
  nn::Embedding embed;
  nn::GRU gru;
  nn::Dropout dropout{{.p = 0.2}};
  nn::Linear head;
  Reader(Index characters, Index languages, Index hidden)
      : embed({.vocab = characters, .dim = kEmbedding}),
        gru({.in = kEmbedding, .hidden = hidden, .bidirectional = true}),
        head({.in = 2 * hidden, .out = languages}) {}
  UNROLL_FIELDS(embed, gru, dropout, head)
  Var operator()(const std::vector<Ids>& texts) const {  // logits [B, L]
    return head(dropout(gru(embed(nn::Tokens::from(texts))).last()));
  }
};

struct Mixture {
  unroll::Param weights;  // [2, K]: w and v
  Mixture() : weights(Tensor::full({2, kVoices}, 0.0)) {
    for (Index k = 0; k < kVoices; ++k) {
      Tensor w = weights.value().clone();
      w.set({0, k}, 1.0 / static_cast<double>(kVoices));
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
    const Var w = unroll::reshape(matmul(of_length, weights), {texts, kVoices, 1});
    return sum(voices * w, 1);
  }
};

// All that is saved. The text that was counted is stored, and counted again after loading, which
// takes less than a second.
struct Model {
  Reader reader;
  Mixture mixture;
  nn::Buffer text;             // [N] the ids of all paragraphs that are counted
  nn::Buffer lengths, labels;  // [P] of each paragraph
  Model(Index characters, Index languages, Index hidden, Index n, Index p)
      : reader(characters, languages, hidden),
        text(Tensor::zeros({n})),
        lengths(Tensor::zeros({p})),
        labels(Tensor::zeros({p})) {}
  UNROLL_FIELDS(reader, mixture, text, lengths, labels)

  void store(const Encoded& counted);
  // Throws std::invalid_argument if lengths, labels or ids do not fit.
  Encoded stored(Index characters, Index languages) const;
};

// The texts as the reader takes them: the first characters.
std::vector<Ids> beginnings(const std::vector<Ids>& texts);

// What counting and the reader say: log-probabilities over the languages [B, K, L].
Tensor voices_of(const NGrams& ngrams, const Reader& reader, const std::vector<Ids>& texts);

}  // namespace languages
