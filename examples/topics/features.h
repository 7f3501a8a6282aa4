// The features of a text: words in order, or a bag of words, perhaps with pairs or positions.
#pragma once

#include <unroll/data/text/vocabulary.h>

#include <vector>

namespace topics {

using unroll::Index;
using Lists = std::vector<std::vector<Index>>;  // ids, one list for each text

enum class Features {
  words,      // a bag of words
  pairs,      // a bag of words and of pairs of adjacent words
  beginning,  // a bag of words; the first four also as separate features
  order       // words in order, for an LSTM
};
const char* name_of(Features features);
std::string description_of(Features features);  // its name, and which features are left out
Features features_of(const std::string& name);  // throws std::invalid_argument

class Encoder {
 public:
  // The features of these texts; with `pairs` and `order`, those that occur at least twice.
  Encoder(const std::vector<std::string>& texts, Features features);
  static Encoder from_metadata(const unroll::Metadata& metadata);
  unroll::Metadata metadata() const;

  Index size() const { return vocabulary_.size(); }
  Features features() const { return features_; }
  // The ids of the features. Unknown features are left out. With Features::order they become <unk>,
  // and the result is never empty.
  std::vector<Index> operator()(const std::string& text) const;
  Lists operator()(const std::vector<std::string>& texts) const;

 private:
  Encoder(Features features, unroll::data::Vocabulary vocabulary)
      : features_(features), vocabulary_(std::move(vocabulary)) {}

  Features features_;
  unroll::data::Vocabulary vocabulary_;
};

}  // namespace topics
