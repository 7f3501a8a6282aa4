#include "examples/common/picture_text.h"

#include "examples/common/terminal.h"

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <map>

namespace program {
namespace {

constexpr char32_t kFirstSyllable = 0xAC00, kLastSyllable = 0xD7A3;
constexpr char32_t kUsual = 0x0530;  // below: Latin, Greek and Cyrillic, which common fonts have

bool has_font(char32_t letter) {
  static std::map<char32_t, bool> known;
  const auto at = known.find(letter);
  if (at != known.end()) return at->second;
  const std::string command =
      fmt::format("fc-list ':charset={:x}' 2>/dev/null", static_cast<std::uint32_t>(letter));
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return false;
  const bool any = std::fgetc(pipe) != EOF;
  while (std::fgetc(pipe) != EOF) {
  }
  return known[letter] = pclose(pipe) == 0 && any;
}

// Whether each letter is in some font of this machine; a text is drawn with as many as it needs.
bool has_fonts(const std::string& text) {
  for (std::size_t at = 0; at < text.size();)
    if (const char32_t letter = next_letter(text, at); letter >= kUsual && !has_font(letter))
      return false;
  return true;
}

}  // namespace

std::string romanised(const std::string& text) {
  constexpr std::array kInitials{"g",  "kk", "n", "d",  "tt", "r", "m", "b", "pp", "s",
                                 "ss", "",   "j", "jj", "ch", "k", "t", "p", "h"};
  constexpr std::array kVowels{"a",  "ae", "ya", "yae", "eo", "e",  "yeo", "ye", "o",  "wa", "wae",
                               "oe", "yo", "u",  "wo",  "we", "wi", "yu",  "eu", "ui", "i"};
  constexpr std::array kFinals{"",  "k",  "k", "k", "n", "n", "n", "t", "l", "k",
                               "m", "l",  "l", "l", "p", "l", "m", "p", "p", "t",
                               "t", "ng", "t", "t", "k", "t", "p", "t"};
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begun = at;
    const char32_t letter = next_letter(text, at);
    if (letter < kFirstSyllable || letter > kLastSyllable) {
      out += text.substr(begun, at - begun);
      continue;
    }
    const std::size_t i = letter - kFirstSyllable;
    out += kInitials[i / (kVowels.size() * kFinals.size())];
    out += kVowels[i / kFinals.size() % kVowels.size()];
    out += kFinals[i % kFinals.size()];
  }
  return out;
}

std::string drawable(const std::string& text, const std::string& otherwise) {
  if (has_fonts(text)) return text;
  const std::string latin = romanised(text);
  return has_fonts(latin) ? latin : otherwise;
}

}  // namespace program
