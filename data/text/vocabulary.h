// Conversion of text to ids and back, over words, code points, grapheme clusters or bytes.
//
//   const data::Vocabulary words(text, {.unit = data::Unit::words}, {.min_count = 2});
//   const std::vector<Index> ids = words.encode("and it was so");
//   nn::save("model.safetensors", model, words.metadata());
//   ...
//   const auto words = data::Vocabulary::from_metadata(metadata);  // as nn::load gave it
#pragma once

#include <unroll/data/text/counts.h>
#include <unroll/data/text/special_tokens.h>
#include <unroll/tensor/safetensors.h>

namespace unroll::data {

struct VocabularyOptions {
  Index min_count = 1;  // rarer units become unknown
  Index max_size = 0;   // if above 0: maximal number of ids, including the special tokens
  SpecialTokens special = {};
};

class Vocabulary {
 public:
  // The special tokens, then the units of the text by descending count (equal counts: by bytes).
  explicit Vocabulary(std::string_view text, const TextOptions& how = {},
                      const VocabularyOptions& options = {});
  // The same for counts of several texts, or of other units, such as n-grams.
  explicit Vocabulary(const Counts& counts, const VocabularyOptions& options = {});
  // The vocabulary in which unit i is units[i], such as the units() of another vocabulary, so that
  // a model can be used without its training text. Throws unless the units are distinct, can occur
  // in a text divided by `how`, and contain the special tokens.
  static Vocabulary from_units(const std::vector<std::string>& units, const TextOptions& how = {},
                               const SpecialTokens& special = {});

  Index size() const { return units_.size(); }  // number of ids
  const TextOptions& how() const { return how_; }
  Unit unit_kind() const { return how_.unit; }
  const SpecialTokens& special() const { return special_; }
  Index pad_id() const { return pad_; }  // -1 if there is none
  Index unknown_id() const { return unknown_; }
  Index sos_id() const { return sos_; }
  Index eos_id() const { return eos_; }

  const std::vector<std::string>& units() const { return units_.strings(); }  // by id
  const std::string& unit(Index id) const;  // throws unless 0 <= id < size
  // How often the text had the unit; 0 for special tokens and with from_units.
  Index count(Index id) const;
  // The id of one unit, which is not normalised; unknown_id() if it is not in the vocabulary.
  Index id(std::string_view unit) const;

  // Units that are not in the vocabulary become unknown_id(). A word that is spelled like a special
  // token is that token. Throws std::invalid_argument for invalid UTF-8 (see TextOptions), for an
  // unknown unit if there is no <unk>, and if `ends` asks for a token that does not exist.
  std::vector<Index> encode(std::string_view text, const Ends& ends = {}) const;
  // The text of some ids, without <pad>, <sos> and <eos>; words are joined by a space. Throws
  // unless all ids are in [0, size).
  std::string decode(const std::vector<Index>& ids) const;

  // The whole vocabulary as metadata for a model file, as one entry `key`.
  Metadata metadata(const std::string& key = "vocabulary") const;
  // Throws std::runtime_error if there is no such entry, or if it is not a vocabulary.
  static Vocabulary from_metadata(const Metadata& metadata, const std::string& key = "vocabulary");
  // Throws std::runtime_error with the first difference unless the saved vocabulary equals this
  // one: otherwise the model would read ids as other units.
  void check_same(const Metadata& metadata, const std::string& key = "vocabulary") const;

 private:
  Vocabulary(const TextOptions& how, const SpecialTokens& special) : how_(how), special_(special) {}
  void add(std::string_view unit, Index count);
  void find_special();
  bool omitted(Index id) const { return id == pad_ || id == sos_ || id == eos_; }

  TextOptions how_;
  SpecialTokens special_;
  Index pad_ = -1, unknown_ = -1, sos_ = -1, eos_ = -1;
  StringIndex units_;
  std::vector<Index> counts_;  // by id
};

}  // namespace unroll::data
