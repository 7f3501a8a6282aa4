#include <unroll/data/text/units.h>
#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>

namespace unroll::data {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// The arithmetic of Hangul syllables: Unicode 3.12.
constexpr char32_t kSyllable = 0xAC00, kLeading = 0x1100, kVowel = 0x1161, kTrailing = 0x11A7;
constexpr char32_t kLeadings = 19, kVowels = 21, kTrailings = 28;  // trailing 0: none
constexpr char32_t kSyllables = kLeadings * kVowels * kTrailings;

// utf8proc sorts combining marks in quadratic time, so that longer runs of them are normalised in
// parts. Unicode's stream-safe format allows 30.
constexpr int kMaxMarks = 128;

bool ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }

// The code point at a position of valid UTF-8, and its length in bytes.
struct CodePoint {
  char32_t value;
  std::size_t bytes;
};
CodePoint code_point(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return char32_t{static_cast<unsigned char>(text[at + i])};
  };
  const char32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  if (first < 0xE0) return {(first & 0x1F) << 6 | (byte(1) & 0x3F), 2};
  if (first < 0xF0) return {(first & 0xF) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
  return {(first & 7) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F), 4};
}

void append(std::string& out, char32_t c) {
  utf8proc_uint8_t bytes[4];
  const utf8proc_ssize_t n = utf8proc_encode_char(static_cast<utf8proc_int32_t>(c), bytes);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(n));
}

// The length of the maximal invalid part at the beginning: the longest prefix of a valid sequence,
// at least one byte.
std::size_t invalid_part(std::string_view text) {
  for (std::size_t n = std::min<std::size_t>(3, text.size()); n > 1; --n) {
    std::string completed(text.substr(0, n));
    const auto first = static_cast<unsigned char>(text[0]);
    const std::size_t wanted = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (wanted <= n) continue;
    completed.append(wanted - n, '\x80');
    if (valid_utf8(completed) == wanted) return n;
  }
  return 1;
}

std::string replace_invalid(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t valid = valid_utf8(text);
    out += text.substr(0, valid);
    text.remove_prefix(valid);
    if (text.empty()) break;
    out += kReplacement;
    text.remove_prefix(invalid_part(text));
  }
  return out;
}

// Appends a run of text, mapped by utf8proc.
void append_mapped(std::string& out, std::string_view run, int options) {
  utf8proc_uint8_t* mapped = nullptr;
  const utf8proc_ssize_t n = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(run.data()),
                                          static_cast<utf8proc_ssize_t>(run.size()), &mapped,
                                          static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, void (*)(void*)> owner(mapped, std::free);
  if (n == UTF8PROC_ERROR_NOMEM) throw std::bad_alloc();
  check(n >= 0, "text: utf8proc cannot normalise \"{}\": {}", excerpt(run), utf8proc_errmsg(n));
  out.append(reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(n));
}

// The end of a run that can be normalised for itself: it ends before an ASCII character, which
// never combines with what stands before it.
std::size_t end_of_run(std::string_view text, std::size_t at) {
  int marks = 0;
  std::size_t end = at + 1;
  while (end < text.size() && !ascii(text[end])) {
    const CodePoint c = code_point(text, end);
    const bool mark =
        utf8proc_get_property(static_cast<utf8proc_int32_t>(c.value))->combining_class != 0;
    marks = mark ? marks + 1 : 0;
    if (marks > kMaxMarks) break;
    end += c.bytes;
  }
  return end;
}

std::string mapped(std::string_view text, const TextOptions& how) {
  const int options =
      UTF8PROC_STABLE | (how.nfc ? UTF8PROC_COMPOSE : 0) | (how.fold_case ? UTF8PROC_CASEFOLD : 0);
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    if (ascii(text[at]) && (at + 1 == text.size() || ascii(text[at + 1]))) {
      const char c = text[at++];
      out += how.fold_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      continue;
    }
    // An ASCII character and the non-ASCII ones after it.
    const std::size_t first = ascii(text[at]) ? at : at + code_point(text, at).bytes - 1;
    const std::size_t end = end_of_run(text, first);
    append_mapped(out, text.substr(at, end - at), options);
    at = end;
  }
  return out;
}

std::string divide_syllables(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point(text, at);
    const char32_t n = c.value - kSyllable;  // huge if below
    if (n < kSyllables) {
      append(out, kLeading + n / (kVowels * kTrailings));
      append(out, kVowel + n / kTrailings % kVowels);
      if (n % kTrailings != 0) append(out, kTrailing + n % kTrailings);
    } else {
      out += text.substr(at, c.bytes);
    }
    at += c.bytes;
  }
  return out;
}

utf8proc_category_t category(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

// Unicode's White_Space.
bool is_space(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= '\t' && c <= '\r');
  const utf8proc_category_t kind = category(c);
  return c == 0x85 || kind == UTF8PROC_CATEGORY_ZS || kind == UTF8PROC_CATEGORY_ZL ||
         kind == UTF8PROC_CATEGORY_ZP;
}
bool is_digit(char32_t c) { return category(c) == UTF8PROC_CATEGORY_ND; }
// Letters, marks, numbers, connectors such as "_", and invisible characters within words.
bool is_word(char32_t c) {
  if (c < 0x80)
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  const utf8proc_category_t kind = category(c);
  return (kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_NO) ||
         kind == UTF8PROC_CATEGORY_PC || kind == UTF8PROC_CATEGORY_CF;
}

using Each = std::function<void(std::string_view)>;

void each_word(std::string_view text, Punctuation punctuation, const Each& f) {
  std::size_t begin = 0;   // of the word
  char32_t before = U' ';  // the character before `at`
  const auto finish = [&](std::size_t end) {
    if (end > begin) f(text.substr(begin, end - begin));
  };
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point(text, at);
    const std::size_t next = at + c.bytes;
    if (is_space(c.value)) {
      finish(at);
      begin = next;
    } else if (punctuation != Punctuation::attached && !is_word(c.value)) {
      const char32_t after = next < text.size() ? code_point(text, next).value : U' ';
      const bool apostrophe = c.value == U'\'' || c.value == 0x2019,
                 decimal = c.value == U'.' || c.value == U',';
      const bool inside = at > begin && ((apostrophe && is_word(before) && is_word(after)) ||
                                         (decimal && is_digit(before) && is_digit(after)));
      if (!inside) {
        finish(at);
        if (punctuation == Punctuation::separate) f(text.substr(at, c.bytes));
        begin = next;
      }
    }
    before = c.value;
    at = next;
  }
  finish(text.size());
}

void each_grapheme(std::string_view text, const Each& f) {
  utf8proc_int32_t state = 0;
  std::size_t begin = 0;
  char32_t before = 0;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point(text, at);
    if (at > 0 &&
        utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(before),
                                         static_cast<utf8proc_int32_t>(c.value), &state)) {
      f(text.substr(begin, at - begin));
      begin = at;
    }
    before = c.value;
    at += c.bytes;
  }
  if (begin < text.size()) f(text.substr(begin));
}

}  // namespace

std::string normalise(std::string_view text, const TextOptions& how) {
  const bool changes = how.nfc || how.fold_case || how.jamo;
  if (how.unit == Unit::bytes && !changes && how.invalid == InvalidUtf8::refuse)
    return std::string(text);
  const std::size_t valid = valid_utf8(text);
  if (valid < text.size() && how.invalid == InvalidUtf8::refuse)
    fail(
        "text: valid UTF-8 was required: got the byte 0x{:02X} at offset {}, after \"{}\" (pass "
        "{{.invalid = InvalidUtf8::replace}} to replace such bytes by U+FFFD)",
        static_cast<unsigned>(static_cast<unsigned char>(text[valid])), valid,
        excerpt(text.substr(valid > 20 ? valid - 20 : 0, std::min<std::size_t>(valid, 20))));
  std::string out = valid < text.size() ? replace_invalid(text) : std::string(text);
  if (!changes) return out;
  if (how.nfc || how.fold_case) out = mapped(out, how);
  if (how.jamo) out = divide_syllables(out);
  return out;
}

void for_each_unit(std::string_view text, const TextOptions& how, const Each& f) {
  const std::string clean = normalise(text, how);
  const std::string_view all = clean;
  switch (how.unit) {
    case Unit::bytes:
      for (std::size_t i = 0; i < all.size(); ++i) f(all.substr(i, 1));
      break;
    case Unit::words:
      each_word(all, how.punctuation, f);
      break;
    case Unit::code_points:
      for (std::size_t at = 0; at < all.size();) {
        const std::size_t n = code_point(all, at).bytes;
        f(all.substr(at, n));
        at += n;
      }
      break;
    case Unit::graphemes:
      each_grapheme(all, f);
      break;
  }
}

std::vector<std::string> divide(std::string_view text, const TextOptions& how) {
  std::vector<std::string> out;
  for_each_unit(text, how, [&](std::string_view unit) { out.emplace_back(unit); });
  return out;
}

std::string compose_jamo(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  char32_t syllable = 0;  // not yet appended; a leading consonant or a syllable. 0: none
  const auto finish = [&] {
    if (syllable != 0) append(out, syllable);
    syllable = 0;
  };
  for (std::size_t at = 0; at < text.size();) {
    if (valid_utf8(text.substr(at, std::min<std::size_t>(4, text.size() - at))) == 0) {
      finish();
      out += text[at++];
      continue;
    }
    const CodePoint c = code_point(text, at);
    at += c.bytes;
    const char32_t leading = syllable - kLeading, vowel = c.value - kVowel,
                   trailing = c.value - kTrailing, known = syllable - kSyllable;
    if (leading < kLeadings && vowel < kVowels) {
      syllable = kSyllable + (leading * kVowels + vowel) * kTrailings;
    } else if (known < kSyllables && known % kTrailings == 0 && trailing >= 1 &&
               trailing < kTrailings) {
      syllable += trailing;
    } else {
      finish();
      if (c.value - kLeading < kLeadings || c.value - kSyllable < kSyllables) {
        syllable = c.value;
      } else {
        append(out, c.value);
      }
    }
  }
  finish();
  return out;
}

const char* name_of(Unit unit) {
  constexpr const char* kNames[] = {"bytes", "words", "code points", "grapheme clusters"};
  return kNames[static_cast<int>(unit)];
}

}  // namespace unroll::data
