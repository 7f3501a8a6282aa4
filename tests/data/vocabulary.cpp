// Vocabulary: text to ids and back.
#include "tests/support.h"

#include <unroll/data/vocabulary.h>

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
    const Vocabulary bytes(text, Unit::bytes), words(text, Unit::words);
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
  const Vocabulary twice(text, Unit::words, 2);
  CHECK(twice.size() == 3);
  CHECK(twice.encode("a b c d") == std::vector<Index>{1, 2, 0, 0});
  CHECK(twice.decode({1, 0, 2}) == "a <unknown> b");
  const Vocabulary two(text, Unit::words, 1, 2);
  CHECK(two.size() == 2);
  CHECK(two.encode("a b") == std::vector<Index>{1, 0});
  const Vocabulary none("", Unit::bytes);
  CHECK(none.size() == 1);
  CHECK(none.encode("x") == std::vector<Index>{0});
  CHECK(none.decode({}).empty());
}

TEST_CASE("ids and sizes that cannot be are refused") {
  const Vocabulary v("a b", Unit::words);
  check_says(message_of([&] { (void)v.unit(3); }),
             "vocabulary: an id in [0, 3) was required: got 3");
  check_says(message_of([&] { (void)v.decode({1, -1}); }), "got -1");
  check_says(message_of([] { Vocabulary("a", Unit::words, 0); }),
             "vocabulary: a least count of at least 1");
  check_says(message_of([] { Vocabulary("a", Unit::words, 1, -2); }), "got 1 and -2");
}
