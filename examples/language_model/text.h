// The text of a language model: its division into characters, words or byte pairs, and its parts.
#pragma once

#include <unroll/data/text/bpe.h>
#include <unroll/data/text/vocabulary.h>

#include <string>
#include <variant>
#include <vector>

namespace language_model {

using unroll::Index;
using Ids = std::vector<Index>;

enum class Unit { characters, words, bpe };
Unit unit_of(const std::string& name);  // "characters", "words", "bpe"
const char* name_of(Unit unit);
const char* plural(Unit unit);  // "characters", "words", "byte pairs"

struct UnitsOptions {
  Unit unit = Unit::characters;
  Index max_size = 0;      // of the vocabulary; 0: no limit for characters, 10,000 otherwise
  bool tokenised = false;  // words are separated by spaces, also from punctuation, as in PTB
};

// Text to ids and back. Words are joined by spaces, and a line end is a word of its own, <eos>;
// characters and byte pairs give back the text as it was, but for bytes that are not UTF-8.
class Units {
 public:
  // Learned from the training part only.
  Units(const std::string& text, const UnitsOptions& options);
  static Units from_metadata(const unroll::Metadata& metadata);
  unroll::Metadata metadata() const;

  Unit unit() const { return unit_; }
  Index size() const;
  Index unknown() const;   // -1: none
  Index line_end() const;  // -1: none
  Index start() const;     // what is read before a text: a line end, or else the most frequent unit
  Ids encode(const std::string& text) const;
  std::string decode(const Ids& ids) const;
  // A text, and then the ids that follow it.
  std::string continued(const std::string& text, const Ids& ids) const;

 private:
  using Coded = std::variant<unroll::data::Vocabulary, unroll::data::BytePairEncoding>;
  Units(Coded coded, Unit unit) : coded_(std::move(coded)), unit_(unit) {}

  Coded coded_;
  Unit unit_;
};

// The number of characters (code points) of a UTF-8 text.
Index characters(const std::string& text);

struct Parts {
  std::string train, validation, test;
};
struct SplitOptions {
  bool validation = false, test = true;  // whether there are such parts
};
// Cuts a tenth off the end for testing, and the tenth before for validation; the rest trains. Cuts
// before a character, or a word. Throws std::runtime_error if the text is too short.
Parts split(const std::string& text, Unit unit, const SplitOptions& options);

}  // namespace language_model
