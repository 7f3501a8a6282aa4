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

// Text to ids and back. Words are joined by spaces, and a line end is the word <eos>. Characters
// and byte pairs decode to the same text, except for bytes that are not UTF-8.
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
  Index start() const;     // read before a text: line end, or if there is none the commonest unit
  Ids encode(const std::string& text) const;
  std::string decode(const Ids& ids) const;
  // The text, followed by the text of the ids.
  std::string append(const std::string& text, const Ids& ids) const;

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
// The last tenth is for testing, the tenth before it for validation, the rest for training. Cuts at
// the beginning of a character, or of a word. Throws std::runtime_error if the text is too short.
Parts split(const std::string& text, Unit unit, const SplitOptions& options);

}  // namespace language_model
