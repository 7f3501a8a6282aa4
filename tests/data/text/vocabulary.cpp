// Vocabulary: text to ids and back.
#include <unroll/data/text/vocabulary.h>

#include "tests/data/text/unicode.h"
#include "tests/support.h"
#include "tests/tensor/scratch.h"

#include <unroll/nn/layers.h>
#include <unroll/nn/save.h>

#include <algorithm>
#include <map>

using namespace unroll;
using namespace unroll::data;

namespace {

using Ids = std::vector<Index>;
constexpr Unit kUnits[] = {Unit::bytes, Unit::words, Unit::code_points, Unit::graphemes};

}  // namespace

TEST_CASE("what is encoded is decoded again, exactly, and by words up to white space") {
  Generator g(1);
  for (int round = 0; round < 200; ++round) {
    const std::string text = random_unicode(g, 60), raw = random_bytes(g, 60);
    const Vocabulary bytes(raw, {.unit = Unit::bytes});
    CHECK(bytes.decode(bytes.encode(raw)) == raw);
    CHECK(bytes.encode(raw).size() == raw.size());
    for (const Unit unit : {Unit::code_points, Unit::graphemes}) {
      const Vocabulary v(text, {.unit = unit});
      CHECK(v.decode(v.encode(text)) == text);
    }
    const Vocabulary words(text, {});
    const Ids ids = words.encode(text);
    CHECK(words.encode(words.decode(ids)) == ids);
  }
}

TEST_CASE("ids go by frequency, equal counts by bytes, and each unit has one") {
  Generator g(2);
  for (const Unit unit : kUnits)
    for (int round = 0; round < 100; ++round) {
      std::string text;
      for (Index i = g.below(80); i > 0; --i)
        text += "abcde \n\t"[static_cast<std::size_t>(g.below(8))];
      const Vocabulary v(text, {.unit = unit});
      const Ids ids = v.encode(text);
      CHECK(std::count(ids.begin(), ids.end(), v.unknown_id()) == 0);
      std::map<Index, Index> counts;
      for (Index id : ids) ++counts[id];
      for (Index id = 1; id < v.size(); ++id) {
        CHECK(v.encode(v.unit(id)) == Ids{id});
        CHECK(v.count(id) == counts[id]);
        if (id == 1) continue;
        CHECK(counts[id - 1] >= counts[id]);
        if (counts[id - 1] == counts[id]) CHECK(v.unit(id - 1) < v.unit(id));
      }
    }
}

TEST_CASE("rare units and those beyond the size are unknown") {
  const std::string text = "a a a b b c";
  const Vocabulary twice(text, {}, {.min_count = 2});
  CHECK(twice.size() == 3);
  CHECK(twice.encode("a b c d") == Ids{1, 2, 0, 0});
  CHECK(twice.decode({1, 0, 2}) == "a <unk> b");
  const Vocabulary two(text, {}, {.max_size = 2});
  CHECK(two.size() == 2);
  CHECK(two.encode("a b") == Ids{1, 0});
  const Vocabulary none("", {.unit = Unit::bytes});
  CHECK(none.size() == 1);
  CHECK(none.encode("x") == Ids{0});
  CHECK(none.decode({}).empty());
}

TEST_CASE("special tokens have the first ids, and only those that are asked for exist") {
  const Vocabulary all("b a a", {}, {.special = SpecialTokens::all()});
  CHECK(all.units() == std::vector<std::string>{"<pad>", "<unk>", "<sos>", "<eos>", "a", "b"});
  CHECK(all.pad_id() == 0);
  CHECK(all.unknown_id() == 1);
  CHECK(all.sos_id() == 2);
  CHECK(all.eos_id() == 3);
  CHECK(all.encode("a c", {.sos = true, .eos = true}) == Ids{2, 4, 1, 3});
  CHECK(all.encode("a", {.eos = true}) == Ids{4, 3});
  CHECK(all.decode({2, 4, 1, 3, 0, 0}) == "a <unk>");
  CHECK(all.count(1) == 0);

  const Vocabulary plain("b a a", {}, {.special = {.unk = ""}});
  CHECK(plain.units() == std::vector<std::string>{"a", "b"});
  CHECK(plain.unknown_id() == -1);
  CHECK(plain.pad_id() == -1);
  CHECK(plain.encode("b") == Ids{1});
  check_refused([&] { (void)plain.encode("a c"); }, "no token for unknown ones: got \"c\"");
  check_refused([&] { (void)plain.encode("a", {.sos = true}); }, "a token <sos> was required");
  check_refused([&] { (void)plain.encode("a", {.eos = true}); }, "a token <eos> was required");
  // A text that has such a word means the token; characters spell no token.
  CHECK(Vocabulary("a <unk> <unk> b").encode("<unk> b") == Ids{0, 2});
  const Vocabulary letters("<eos>", {.unit = Unit::code_points}, {.special = SpecialTokens::all()});
  CHECK(letters.decode(letters.encode("<eos>")) == "<eos>");
}

TEST_CASE("Korean: syllables, or jamo that decode composes") {
  const std::string text = "\uBAA8\uB4E0 \uC778\uAC04\uC740 \uC790\uC720\uB86D\uAC8C";
  const Vocabulary syllables(text, {.unit = Unit::graphemes});
  CHECK(syllables.encode(text).size() == 11);
  const Vocabulary jamo(text, {.unit = Unit::code_points, .jamo = true});
  CHECK(jamo.encode("\uAC04").size() == 3);
  CHECK(jamo.decode(jamo.encode(text)) == text);
  // A syllable that the text does not have is known by its jamo.
  const Ids other = jamo.encode("\uAC00\uC790");
  CHECK(std::count(other.begin(), other.end(), jamo.unknown_id()) == 0);
  CHECK(jamo.decode(other) == "\uAC00\uC790");
}

TEST_CASE("a vocabulary of several texts is that of their counts") {
  Counts counts({.fold_case = true});
  counts.add("The cat");
  counts.add("the dog");
  CHECK(counts.count("the") == 2);
  CHECK(counts.count("The") == 0);
  CHECK(counts.total() == 4);
  CHECK(counts.distinct() == 3);
  const Vocabulary v(counts, {});
  CHECK(v.encode("THE dog") == Ids{1, 3});
  counts.add_unit("the cat", 5);  // an n-gram: a unit that no word can be
  CHECK(counts.most_common(1)[0].unit == "the cat");
  CHECK(Vocabulary(counts, {}).id("the cat") == 1);
  check_refused([&] { counts.add("cow \xFF"); }, "offset 4");
  CHECK(counts.total() == 9);
}

TEST_CASE("a vocabulary made from the units of another encodes and decodes as that one does") {
  Generator g(3);
  for (const Unit unit : kUnits)
    for (int round = 0; round < 50; ++round) {
      const std::string text = random_unicode(g, 60);
      const Vocabulary fitted(text, {.unit = unit}, {.min_count = 1 + g.below(2)});
      const Vocabulary again = Vocabulary::from_units(fitted.units(), {.unit = unit});
      const std::string other = text + " new <unk> words";
      CHECK(again.encode(other) == fitted.encode(other));
      CHECK(again.decode(again.encode(other)) == fitted.decode(fitted.encode(other)));
      CHECK(again.size() == fitted.size());
      CHECK(again.unknown_id() == 0);
    }
}

TEST_CASE("units from elsewhere may have the special tokens anywhere, under any name") {
  const Vocabulary v = Vocabulary::from_units({"the", "[UNK]", "cat", "[CLS]"}, {},
                                              {.unk = "[UNK]", .sos = "[CLS]"});
  CHECK(v.encode("the dog cat", {.sos = true}) == Ids{3, 0, 1, 2});
  CHECK(v.unknown_id() == 1);
  CHECK(v.decode({3, 0, 1}) == "the [UNK]");
}

TEST_CASE("units that cannot occur, come twice or lack a special token are refused") {
  const auto refused = [](const std::vector<std::string>& units, const TextOptions& how,
                          const char* why) {
    check_refused([&] { (void)Vocabulary::from_units(units, how); }, why);
  };
  refused({"a", "b"}, {}, "the special token \"<unk>\" was required among the 2 units");
  refused({}, {}, "among the 0 units");
  refused({"<unk>", "a", "a"}, {}, "got \"a\" twice");
  refused({"<unk>", "<unk>"}, {}, "got \"<unk>\" twice");
  refused({"<unk>", "a b"}, {}, "divided into words can have were required: got \"a b\"");
  refused({"<unk>", ""}, {}, "got \"\"");
  refused({"<unk>", "ab"}, {.unit = Unit::bytes}, "divided into bytes can have were required");
  refused({"<unk>", "ab"}, {.unit = Unit::code_points}, "into code points can have");
  refused({"<unk>", "e\u0301x"}, {.unit = Unit::graphemes}, "into grapheme clusters can have");
  refused({"<unk>", "A"}, {.fold_case = true}, "got \"A\"");
  refused({"<unk>", "\xFF"}, {}, "valid UTF-8 was required");
  check_refused([] { (void)Vocabulary("a", {}, {.special = {.pad = "x", .unk = "x"}}); },
                "special tokens that differ were required: got \"x\" twice");
}

TEST_CASE("ids and sizes that cannot be are refused") {
  const Vocabulary v("a b", {});
  check_refused([&] { (void)v.unit(3); }, "vocabulary: an id in [0, 3) was required: got 3");
  check_refused([&] { (void)v.count(-1); }, "got -1");
  check_refused([&] { (void)v.decode({1, -1}); }, "got -1");
  check_refused([] { Vocabulary("a", {}, {.min_count = 0}); }, "a min_count of at least 1");
  check_refused([] { Vocabulary("a", {}, {.max_size = -2}); }, "got 1 and -2");
  check_refused([] { Vocabulary("a", {}, {.max_size = 3, .special = SpecialTokens::all()}); },
                "a max_size with room for 4 special tokens was required: got 3");
  check_refused([] { Vocabulary("a \xED\xA0\x80", {}); }, "got the byte 0xED at offset 2");
  const Vocabulary lenient("a \xED\xA0\x80", {.invalid = InvalidUtf8::replace});
  CHECK(lenient.encode("\xFF\xFF\xFF a") == Ids{2, 1});
}

TEST_CASE("a vocabulary is saved and loaded with the model") {
  const Scratch scratch;
  const std::string file = scratch / "model.safetensors";
  Generator g(4);
  for (const Unit unit : kUnits)
    for (int round = 0; round < 30; ++round) {
      const std::string text = unit == Unit::bytes ? random_bytes(g, 100) : random_unicode(g, 100);
      const Vocabulary v(
          text, {.unit = unit, .nfc = unit == Unit::words, .fold_case = unit == Unit::words},
          {.special = SpecialTokens::all()});
      nn::Embedding model({.vocab = v.size(), .dim = 2});
      nn::save(file, model, v.metadata());
      Metadata metadata;
      nn::load(file, model, {.metadata = &metadata});
      const Vocabulary again = Vocabulary::from_metadata(metadata);
      CHECK(again.units() == v.units());
      CHECK(again.how() == v.how());
      CHECK(again.special() == v.special());
      CHECK(again.encode(text) == v.encode(text));
      CHECK(again.metadata() == v.metadata());
      v.check_same(metadata);
    }
}

TEST_CASE("two vocabularies can be saved in one file, each under its own key") {
  const Vocabulary a("x y"), b("z", {.unit = Unit::bytes});
  Metadata both = a.metadata("source");
  both.merge(b.metadata("target"));
  CHECK(Vocabulary::from_metadata(both, "source").units() == a.units());
  CHECK(Vocabulary::from_metadata(both, "target").units() == b.units());
}

TEST_CASE("the vocabulary of another model is told apart") {
  const Vocabulary v("a a b"), other("a a c"), larger("a a b c"),
      bytes("ab", {.unit = Unit::bytes});
  const auto differs = [&](const Vocabulary& saved, const char* why) {
    CHECK_THROWS_AS(v.check_same(saved.metadata()), std::runtime_error);
    check_says(message_of([&] { v.check_same(saved.metadata()); }), why);
  };
  differs(other, "id 2 is \"c\" there and \"b\" here");
  differs(larger, "it has 4 units, this one 3; id 3 is \"c\" there and \"nothing\" here");
  differs(bytes, "the model's has bytes of 3 units, this one words of 3");
}

TEST_CASE("metadata that hold no vocabulary are refused with the line") {
  const auto refused = [](const Metadata& metadata, const char* why) {
    CHECK_THROWS_AS((void)Vocabulary::from_metadata(metadata), std::runtime_error);
    check_says(message_of([&] { (void)Vocabulary::from_metadata(metadata); }), why);
  };
  refused({}, "an entry \"vocabulary\" in the metadata was required: got none");
  refused({{"vocabulary", ""}}, "\"unroll vocabulary 1\" was required in line 1");
  refused({{"vocabulary", "unroll bpe 1\n"}}, "\"unroll vocabulary 1\" was required in line 1");
  const std::string good = Vocabulary("a b").metadata().at("vocabulary");
  refused({{"vocabulary", good + "more\n"}}, "the end was required in line 8");
  for (std::size_t n = 0; n < good.size(); ++n)
    CHECK_THROWS_AS((void)Vocabulary::from_metadata({{"vocabulary", good.substr(0, n)}}),
                    std::runtime_error);
  Generator g(5);
  for (int round = 0; round < 2000; ++round) {  // damaged: refused, or another vocabulary
    std::string bad = good;
    for (Index i = 1 + g.below(3); i > 0; --i)
      bad[static_cast<std::size_t>(g.below(static_cast<Index>(bad.size())))] =
          "\t\n\\09a-<>\xFF"[static_cast<std::size_t>(g.below(10))];
    try {
      const Vocabulary v = Vocabulary::from_metadata({{"vocabulary", bad}});
      CHECK(v.size() <= 8);
    } catch (const std::runtime_error&) {
    }
  }
}
