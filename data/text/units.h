// How a text is divided into units: words, code points, grapheme clusters or bytes. Unicode comes
// from utf8proc.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace unroll::data {

enum class Unit {
  bytes,        // any bytes, valid UTF-8 or not
  words,        // separated by Unicode white space
  code_points,  // Unicode characters
  graphemes     // extended grapheme clusters (UAX 29): what a reader sees as one character
};

// How punctuation and symbols are treated if a text is divided into words. An apostrophe between
// letters ("don't") and a point or comma between digits ("3.5") are always part of the word.
enum class Punctuation {
  attached,  // part of the word it touches: "God."
  separate,  // each is a separate word: "God" "."
  dropped    // separates words and is removed: "God"
};

enum class InvalidUtf8 {
  refuse,  // throws std::invalid_argument with the offset of the first invalid byte
  replace  // with U+FFFD, one for each maximal invalid part, as Unicode recommends
};

struct TextOptions {
  Unit unit = Unit::words;
  Punctuation punctuation = Punctuation::attached;  // for words only
  bool nfc = false;        // normalises to NFC: "e" + U+0301 and U+00E9 become one unit
  bool fold_case = false;  // Unicode case folding: "Straße" and "STRASSE" become "strasse"
  bool jamo = false;       // divides Hangul syllables into jamo; Vocabulary::decode composes them
  // With `refuse`, Unit::bytes is checked only if nfc, fold_case or jamo is set.
  InvalidUtf8 invalid = InvalidUtf8::refuse;

  bool operator==(const TextOptions&) const = default;
};

// The text before it is divided into units: UTF-8 checked, then case-folded, normalised and divided
// into jamo if `how` asks for it.
std::string normalise(std::string_view text, const TextOptions& how);

// Calls f for each unit of the normalised text, in order.
void for_each_unit(std::string_view text, const TextOptions& how,
                   const std::function<void(std::string_view)>& f);
std::vector<std::string> divide(std::string_view text, const TextOptions& how);

// Composes jamo into Hangul syllables where they form one; other text is unchanged. Expects UTF-8;
// other bytes are kept.
std::string compose_jamo(std::string_view text);

// "words", "code points" ...
const char* name_of(Unit unit);

}  // namespace unroll::data
