// From logits to a word: greedily, or by prefix beam search with or without a language model.
#pragma once

#include "examples/speech/model.h"
#include "examples/speech/ngrams.h"

namespace speech {

struct Decoding {
  std::string decoder = "beam";  // or "greedy"
  Index beams = 16;
  Index order = 5;    // of the n-grams of letters; 0: none
  double weight = 1;  // of their log probability
};

struct Heard {
  std::string text;
  std::vector<Index> symbols;
  double probability = 0;  // of these letters, summed over all alignments
};

class Decoder {
 public:
  // `labels` are those of the language model, if there is one.
  Decoder(const Letters& letters, const Decoding& how, const std::vector<Counted>& labels);
  Heard operator()(const Tensor& logits) const;  // [T, V]

 private:
  Letters letters_;
  Decoding how_;
  std::optional<NGrams> ngrams_;
};

// The share of words that are right as a whole, and the character error rate: edits per letter of
// the labels (code points). `right` has one entry per word.
struct Accuracy {
  std::vector<bool> right;
  double words = 0, character_errors = 0;
};
Accuracy accuracy_of(const std::vector<std::string>& found, const std::vector<std::string>& labels);

}  // namespace speech
