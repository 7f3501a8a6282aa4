#include "examples/topics/features.h"

#include <unroll/tensor/error.h>

namespace topics {
namespace {

using unroll::data::Counts;
using unroll::data::Vocabulary;

constexpr unroll::data::TextOptions kWords{.punctuation = unroll::data::Punctuation::dropped,
                                           .fold_case = true};
constexpr std::size_t kBeginning = 4;  // words
constexpr const char* kNames[] = {"words", "pairs", "beginning", "order"};

std::vector<std::string> features_in(const std::string& text, Features features) {
  const std::vector<std::string> words = unroll::data::divide(text, kWords);
  std::vector<std::string> out = words;
  if (features == Features::pairs)
    for (std::size_t i = 0; i + 1 < words.size(); ++i) out.push_back(words[i] + " " + words[i + 1]);
  if (features == Features::beginning)
    for (std::size_t i = 0; i < words.size() && i < kBeginning; ++i) out.push_back("^ " + words[i]);
  return out;
}

// How often a feature must occur in the training texts.
Index min_count_of(Features features) {
  return features == Features::words || features == Features::beginning ? 1 : 2;
}

Vocabulary vocabulary_of(const std::vector<std::string>& texts, Features features) {
  Counts counts(kWords);
  for (const std::string& text : texts)
    for (const std::string& feature : features_in(text, features)) counts.add_unit(feature);
  return Vocabulary(counts, {.min_count = min_count_of(features),
                             .special = {.unk = features == Features::order ? "<unk>" : ""}});
}

}  // namespace

const char* name_of(Features features) { return kNames[static_cast<int>(features)]; }

std::string description_of(Features features) {
  return std::string(name_of(features)) +
         (min_count_of(features) > 1 ? ", those that occur at least twice" : "");
}

Features features_of(const std::string& name) {
  for (int i = 0; i < 4; ++i)
    if (name == kNames[i]) return static_cast<Features>(i);
  unroll::fail("features: words, pairs, beginning or order were required: got \"{}\"",
               unroll::excerpt(name));
}

Encoder::Encoder(const std::vector<std::string>& texts, Features features)
    : Encoder(features, vocabulary_of(texts, features)) {}

unroll::Metadata Encoder::metadata() const {
  unroll::Metadata out = vocabulary_.metadata();
  out["features"] = name_of(features_);
  return out;
}

Encoder Encoder::from_metadata(const unroll::Metadata& metadata) {
  const auto at = metadata.find("features");
  return {features_of(at == metadata.end() ? "" : at->second), Vocabulary::from_metadata(metadata)};
}

std::vector<Index> Encoder::operator()(const std::string& text) const {
  std::vector<Index> out;
  for (const std::string& feature : features_in(text, features_)) {
    const Index id = vocabulary_.id(feature);
    if (id >= 0) out.push_back(id);
  }
  if (features_ == Features::order && out.empty()) out.push_back(vocabulary_.unknown_id());
  return out;
}

Lists Encoder::operator()(const std::vector<std::string>& texts) const {
  Lists out;
  for (const std::string& text : texts) out.push_back((*this)(text));
  return out;
}

}  // namespace topics
