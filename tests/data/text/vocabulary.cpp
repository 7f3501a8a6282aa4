// Vocabulary: text to ids and back.
#include "tests/support.h"

#include <unroll/data/text/vocabulary.h>

#include <algorithm>
#include <map>

using namespace unroll;
using namespace unroll::data;

TEST_CASE("what is encoded is decoded again, by bytes exactly and by words up to white space") {
  Generator g(1);
  const std::string letters = "abc \n\t\xC3\xA4";
  for (int round = 0; round < 200; ++round) {
    std::string text;
    for (Index i = g.below(100); i > 0; --i) text += letters[static_cast<std::size_t>(g.below(8))];
    const Vocabulary bytes(text, {.unit = Unit::bytes}), words(text, {.unit = Unit::words});
    CHECK(bytes.decode(bytes.encode(text)) == text);
    CHECK(bytes.encode(text).size() == text.size());
    const auto ids = words.encode(text);
    CHECK(words.encode(words.decode(ids)) == ids);
    CHECK(std::count(ids.begin(), ids.end(), 0) == 0);
    // Ids go by frequency, equals by the alphabet; each unit has one.
    std::map<Index, Index> counts;
    for (Index id : ids) ++counts[id];
    for (Index id = 1; id < words.size(); ++id) {
      CHECK(words.encode(words.unit(id)) == std::vector<Index>{id});
      if (id == 1) continue;
      CHECK(counts[id - 1] >= counts[id]);
      if (counts[id - 1] == counts[id]) CHECK(words.unit(id - 1) < words.unit(id));
    }
  }
}

TEST_CASE("rare units and those beyond the size are unknown") {
  const std::string text = "a a a b b c";
  const Vocabulary twice(text, {.min_count = 2});
  CHECK(twice.size() == 3);
  CHECK(twice.encode("a b c d") == std::vector<Index>{1, 2, 0, 0});
  CHECK(twice.decode({1, 0, 2}) == "a <unknown> b");
  const Vocabulary two(text, {.max_size = 2});
  CHECK(two.size() == 2);
  CHECK(two.encode("a b") == std::vector<Index>{1, 0});
  const Vocabulary none("", {.unit = Unit::bytes});
  CHECK(none.size() == 1);
  CHECK(none.encode("x") == std::vector<Index>{0});
  CHECK(none.decode({}).empty());
}

TEST_CASE("ids and sizes that cannot be are refused") {
  const Vocabulary v("a b", {});
  check_says(message_of([&] { (void)v.unit(3); }),
             "vocabulary: an id in [0, 3) was required: got 3");
  check_says(message_of([&] { (void)v.decode({1, -1}); }), "got -1");
  check_says(message_of([] { Vocabulary("a", {.min_count = 0}); }),
             "vocabulary: a min_count of at least 1");
  check_says(message_of([] { Vocabulary("a", {.max_size = -2}); }), "got 1 and -2");
}

TEST_CASE("a vocabulary made from the units of another encodes and decodes as that one does") {
  Generator g(2);
  for (const Unit unit : {Unit::bytes, Unit::words})
    for (int round = 0; round < 50; ++round) {
      std::string text;
      for (Index i = 1 + g.below(60); i > 0; --i)
        text += "abcdef \n"[static_cast<std::size_t>(g.below(8))];
      const Vocabulary fitted(text, {.unit = unit, .min_count = 1 + g.below(2)});
      const Vocabulary again = Vocabulary::from_units(fitted.units(), {.unit = unit});
      const std::string other = text + " new <unknown> words";
      CHECK(again.encode(other) == fitted.encode(other));
      CHECK(again.decode(again.encode(other)) == fitted.decode(fitted.encode(other)));
      CHECK(again.size() == fitted.size());
      CHECK(again.unknown_id() == 0);
    }
}

TEST_CASE("units from elsewhere may have the unknown one anywhere, under any name") {
  const Vocabulary v = Vocabulary::from_units({"<pad>", "the", "[UNK]", "cat"},
                                              {.unit = Unit::words, .unknown = "[UNK]"});
  CHECK(v.encode("the dog cat") == std::vector<Index>{1, 2, 3});
  CHECK(v.unknown_id() == 2);
  CHECK(v.decode({1, 2}) == "the [UNK]");
}

TEST_CASE("units that could not be met, come twice or lack an unknown one are refused") {
  const auto refused = [](std::vector<std::string> units, Unit unit, const char* why) {
    check_refused([&] { (void)Vocabulary::from_units(units, {.unit = unit}); }, why);
  };
  refused({"a", "b"}, Unit::words, "a unit \"<unknown>\" for what is not listed was required");
  refused({}, Unit::words, "got none");
  refused({"<unknown>", "a", "a"}, Unit::words, "got \"a\" twice");
  refused({"<unknown>", "<unknown>"}, Unit::words, "got \"<unknown>\" twice");
  refused({"<unknown>", "a b"}, Unit::words,
          "words without white space were required: got \"a b\"");
  refused({"<unknown>", ""}, Unit::words, "got \"\"");
  refused({"<unknown>", "ab"}, Unit::bytes, "units of one byte were required: got \"ab\"");
}
