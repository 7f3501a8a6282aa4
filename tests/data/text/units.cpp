// How text is divided into units.
#include "tests/data/text/unicode.h"
#include "tests/support.h"

#include <unroll/data/text/units.h>
#include <unroll/tensor/file.h>

#include <algorithm>

using namespace unroll;
using namespace unroll::data;

namespace {

using Texts = std::vector<std::string>;

std::string joined(const Texts& parts) {
  std::string out;
  for (const std::string& part : parts) out += part;
  return out;
}

}  // namespace

TEST_CASE("bytes, code points and grapheme clusters put together are the text") {
  Generator g(1);
  for (int round = 0; round < 500; ++round) {
    const std::string text = random_unicode(g, 60), raw = random_bytes(g, 60);
    CHECK(valid_utf8(text) == text.size());
    CHECK(joined(divide(raw, {.unit = Unit::bytes})) == raw);
    const Texts points = divide(text, {.unit = Unit::code_points}),
                clusters = divide(text, {.unit = Unit::graphemes});
    CHECK(joined(points) == text);
    CHECK(joined(clusters) == text);
    CHECK(clusters.size() <= points.size());
    for (const std::string& unit : points)
      CHECK(divide(unit, {.unit = Unit::graphemes}) == Texts{unit});
  }
}

TEST_CASE("grapheme clusters are what a reader sees as one character") {
  const Texts clusters{"e\u0301",                                     // e and an accent
                       "\r\n",                                        // one line end
                       "\u1112\u1161\u11AB",                          // 한 in jamo
                       "\U0001F468\u200D\U0001F469\u200D\U0001F467",  // a family
                       "\U0001F1F0\U0001F1F7",                        // the flag of Korea
                       "\U0001F1E9\U0001F1EA",                        // and of Germany
                       "\u0928\u093F",                                // ni in Devanagari
                       "\uD55C",
                       "x"};
  CHECK(divide(joined(clusters), {.unit = Unit::graphemes}) == clusters);
}

TEST_CASE("words are separated by any white space of Unicode") {
  const std::string spaces[] = {" ",      "\t",     "\n",     "\r\n",   "\f",
                                "\v",     "\u0085", "\u00A0", "\u1680", "\u2003",
                                "\u2028", "\u2029", "\u202F", "\u3000"};
  for (const std::string& space : spaces)
    CHECK(divide(space + "ab" + space + space + "c." + space, {}) == Texts{"ab", "c."});
  CHECK(divide("a\u200Bb", {}) == Texts{"a\u200Bb"});  // a zero-width space is none
  CHECK(divide("", {}).empty());
  CHECK(divide(" \n ", {}).empty());
}

TEST_CASE("punctuation stays with its word, becomes a word, or is dropped") {
  const std::string text =
      "In the beginning, God didn\u2019t; it's \u201C3.5\u201D (1,000) a_b -- na\u00EFve.";
  CHECK(divide(text, {.punctuation = Punctuation::separate}) ==
        Texts{"In", "the", "beginning", ",", "God", "didn\u2019t", ";", "it's", "\u201C", "3.5",
              "\u201D", "(", "1,000", ")", "a_b", "-", "-", "na\u00EFve", "."});
  CHECK(divide(text, {.punctuation = Punctuation::dropped}) ==
        Texts{"In", "the", "beginning", "God", "didn\u2019t", "it's", "3.5", "1,000", "a_b",
              "na\u00EFve"});
  CHECK(divide("'tis the dogs' 5. x.y", {.punctuation = Punctuation::separate}) ==
        Texts{"'", "tis", "the", "dogs", "'", "5", ".", "x", ".", "y"});
  CHECK(divide("\uC548\uB155! \uC138\uACC4.", {.punctuation = Punctuation::dropped}) ==
        Texts{"\uC548\uB155", "\uC138\uACC4"});
}

TEST_CASE("words without their white space are the words again, whatever is done to punctuation") {
  Generator g(2);
  for (int round = 0; round < 300; ++round) {
    const std::string text = random_unicode(g, 40);
    std::string without;
    for (const std::string& word : divide(text, {})) without += word;
    CHECK(joined(divide(text, {.punctuation = Punctuation::separate})) == without);
    for (const Punctuation p : {Punctuation::separate, Punctuation::dropped})
      for (const std::string& word : divide(text, {.punctuation = p}))
        CHECK(divide(word, {.punctuation = p}) == Texts{word});
  }
}

TEST_CASE("NFC and case folding bring spellings of one word together") {
  const auto word = [](const std::string& text, bool nfc, bool fold) {
    return joined(divide(text, {.nfc = nfc, .fold_case = fold}));
  };
  CHECK(word("cafe\u0301", true, false) == "caf\u00E9");
  CHECK(word("caf\u00E9", true, false) == "caf\u00E9");
  CHECK(word("cafe\u0301", false, false) == "cafe\u0301");
  CHECK(word("\u1112\u1161\u11AB\u1100\u1173\u11AF", true, false) == "\uD55C\uAE00");
  CHECK(word("Stra\u00DFe", false, true) == "strasse");
  CHECK(word("\u039F\u0394\u039F\u03A3", false, true) == "\u03BF\u03B4\u03BF\u03C3");
  CHECK(word("E\u0301COLE", true, true) == "\u00E9cole");
  CHECK(word("\u212B", true, false) == "\u00C5");  // the Angstrom sign
  Generator g(3);
  for (int round = 0; round < 300; ++round) {
    const std::string text = random_unicode(g, 60);
    const TextOptions how{.unit = Unit::code_points, .nfc = true};
    const std::string once = normalise(text, how);
    CHECK(normalise(once, how) == once);
    // Normalised in parts: the parts end where nothing can combine across them.
    CHECK(normalise(text + "x" + text, how) == normalise(text, how) + normalise("x" + text, how));
  }
}

TEST_CASE("many combining marks in a row take linear time and lose none") {
  std::string text = "a";
  for (int i = 0; i < 200'000; ++i) text += i % 2 == 0 ? "\u0301" : "\u0323";  // classes 230, 220
  const std::string out = normalise(text, {.unit = Unit::code_points, .nfc = true});
  CHECK(std::count(out.begin(), out.end(), '\xCC') >= 199'998);
}

TEST_CASE("Hangul syllables divide into jamo and are composed again") {
  const TextOptions jamo{.unit = Unit::code_points, .jamo = true};
  CHECK(divide("\uD55C\uAE00 a", jamo) ==
        Texts{"\u1112", "\u1161", "\u11AB", "\u1100", "\u1173", "\u11AF", " ", "a"});
  CHECK(divide("\uAC00\uD7A3", jamo) == Texts{"\u1100", "\u1161", "\u1112", "\u1175", "\u11C2"});
  std::string every;
  for (Index c = 0xAC00; c <= 0xD7A3; ++c) append_utf8(every, c);
  CHECK(compose_jamo(normalise(every, jamo)) == every);
  // NFC of utf8proc composes them in the same way.
  CHECK(normalise(normalise(every, jamo), {.unit = Unit::code_points, .nfc = true}) == every);
  // What forms no syllable stays: a vowel first, two consonants, a syllable that is not finished.
  for (const char* text : {"\u1161\u1112", "\u1112\u1112", "x\u1112", "\u11AB", "\uD55C\u1161", ""})
    CHECK(compose_jamo(text) == text);
  Generator g(4);
  for (int round = 0; round < 200; ++round) {
    const std::string raw = random_bytes(g, 50), text = random_unicode(g, 50);
    CHECK(compose_jamo(compose_jamo(raw)) == compose_jamo(raw));
    CHECK(compose_jamo(normalise(text, jamo)) == compose_jamo(text));
  }
}

TEST_CASE("invalid UTF-8 is refused with the offset of its first byte") {
  const std::string ok = "\uD55C ";  // 4 bytes
  for (const std::string& bad :
       {std::string("\xFF"), std::string("\x80"), std::string("\xC0\xAF"),
        std::string("\xED\xA0\x80"), std::string("\xED\xBF\xBF"), std::string("\xF4\x90\x80\x80"),
        std::string("\xE2\x82"), std::string("\xF0\x9F\x98"), std::string("\xC3")})
    for (const Unit unit : {Unit::words, Unit::code_points, Unit::graphemes}) {
      check_refused([&] { (void)divide(ok + bad, {.unit = unit}); }, "valid UTF-8 was required");
      check_refused([&] { (void)divide(ok + bad, {.unit = unit}); }, "at offset 4, after");
      CHECK(divide(ok + bad, {.unit = Unit::bytes}).size() == 4 + bad.size());
      check_refused([&] { (void)divide(ok + bad, {.unit = Unit::bytes, .nfc = true}); },
                    "offset 4");
    }
}

TEST_CASE("invalid UTF-8 is replaced as Unicode recommends") {
  const auto replaced = [](const std::string& text) {
    return normalise(text, {.unit = Unit::code_points, .invalid = InvalidUtf8::replace});
  };
  const std::string r = "\uFFFD";
  CHECK(replaced("a\xFFz") == "a" + r + "z");
  CHECK(replaced("\xED\xA0\x80") == r + r + r);  // a lone surrogate
  CHECK(replaced("\xC0\xAF") == r + r);
  CHECK(replaced("\xE2\x82z\xE2\x82\xAC") == r + "z\u20AC");
  CHECK(replaced("\xF0\x9F\x98") == r);
  // The example of the Unicode standard, table 3-11.
  CHECK(replaced("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41") == r + r + r + r + "A");
  CHECK(replaced("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42") == r + r + r + r + r + "A" + r + r + "B");
  Generator g(5);
  for (int round = 0; round < 500; ++round) {
    const std::string raw = random_bytes(g, 40), text = random_unicode(g, 40);
    CHECK(valid_utf8(replaced(raw)) == replaced(raw).size());
    CHECK(replaced(text) == text);
    CHECK(replaced(raw).size() >= raw.size());
  }
}

TEST_CASE("a line of 50 MB is divided") {
  std::string line(50'000'000, 'a');
  for (std::size_t i = 7; i < line.size(); i += 10) line[i] = ' ';
  Index words = 0, points = 0;
  for_each_unit(line, {}, [&](std::string_view) { ++words; });
  for_each_unit(line, {.unit = Unit::code_points, .nfc = true, .fold_case = true},
                [&](std::string_view) { ++points; });
  CHECK(words == 5'000'001);
  CHECK(points == 50'000'000);
}
