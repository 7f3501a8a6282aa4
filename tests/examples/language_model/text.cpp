// How a text is divided into units and parts, and the n-grams it is compared with.
#include "examples/language_model/text.h"
#include "examples/language_model/ngram.h"
#include "tests/support.h"

#include <cmath>
#include <map>
#include <numeric>

using namespace language_model;
using unroll::check_refused;
using unroll::check_says;
using unroll::message_of;

namespace {

const std::string kText =
    "In the beginning God created the heaven and the earth.\n"
    "태초에 하나님이 천지를 창조하시니라.\nAnd God said, Let there be light: and there was "
    "light.\n";

// p_k from its definition, by counting in the whole text each time.
double witten_bell(const Ids& text, Index vocab, const Ids& context, Index id) {
  double lower = 1 / static_cast<double>(vocab);
  if (!context.empty())
    lower = witten_bell(text, vocab, Ids(context.begin() + 1, context.end()), id);
  std::map<Index, double> followers;
  double all = 0;
  for (std::size_t i = context.size(); i < text.size(); ++i) {
    const auto end = text.begin() + static_cast<std::ptrdiff_t>(i);
    if (!std::equal(context.begin(), context.end(),
                    end - static_cast<std::ptrdiff_t>(context.size())))
      continue;
    followers[text[i]] += 1, all += 1;
  }
  const auto distinct = static_cast<double>(followers.size());
  return all == 0 ? lower : (followers[id] + distinct * lower) / (all + distinct);
}

}  // namespace

TEST_CASE("characters and byte pairs give back any text, words all but their spacing") {
  for (Unit unit : {Unit::characters, Unit::bpe}) {
    const Units units(kText, {.unit = unit});
    for (const std::string& text : {kText, std::string("God said"), std::string("\n\n 하나님")})
      CHECK(units.decode(units.encode(text)) == text);
    CHECK(units.append("And ", units.encode("God")) == "And God");
  }
  const Units words(kText, {.unit = Unit::words});
  CHECK(words.decode(words.encode("And  God said,\tLet\nthere be light")) ==
        "And God said , Let\nthere be light");
  CHECK(words.append("And", words.encode("God")) == "And God");
  CHECK(words.append("And\n", words.encode("God")) == "And\nGod");
  CHECK(words.append("And", words.encode("\nGod")) == "And\nGod");
  // A byte pair model may write half a character.
  const Units bytes(kText, {.unit = Unit::bpe});
  CHECK(bytes.decode({bytes.encode("태").front()}) == "\xEF\xBF\xBD");
}

TEST_CASE("a line end is a word, and tokenised words keep their punctuation") {
  const Units words("a <unk> b, c\n a b,\n", {.unit = Unit::words, .tokenised = true});
  CHECK(words.size() == 5);  // <unk> <eos> a b, c
  const Ids ids = words.encode("a <unk> new\n");
  REQUIRE(ids.size() == 4);
  CHECK(ids[1] == words.unknown());
  CHECK(ids[2] == words.unknown());
  CHECK(ids[3] == words.line_end());
  CHECK(words.encode("a").size() == 1);
  CHECK(words.encode("\n\n") == Ids(2, words.line_end()));
  CHECK(words.encode("").empty());
}

TEST_CASE("what is read before a text is a line end, or the most frequent unit") {
  const Units characters(kText, {});
  CHECK(characters.decode({characters.start()}) == "\n");
  const Units without("a bb", {});
  CHECK(without.line_end() == -1);
  CHECK(without.decode({without.start()}) == "b");
  const Units pairs("abab", {.unit = Unit::bpe});
  CHECK(pairs.decode({pairs.start()}) == "\n");
}

TEST_CASE("units are saved with the model") {
  for (Unit unit : {Unit::characters, Unit::words, Unit::bpe}) {
    const Units units(kText, {.unit = unit, .max_size = 400});
    const Units again = Units::from_metadata(units.metadata());
    CHECK(again.unit() == unit);
    CHECK(again.size() == units.size());
    CHECK(again.encode(kText) == units.encode(kText));
  }
  check_says(message_of([] { (void)Units::from_metadata({}); }), "a \"unit\" was required");
  check_says(message_of([] {
               (void)Units::from_metadata({{"unit", "syllables"}});
             }),
             "a unit among characters, words and bpe was required: got \"syllables\"");
}

TEST_CASE("the parts of a text are the text, cut before a character or a word") {
  std::string text;
  for (int i = 0; i < 40; ++i) text += kText;
  for (Unit unit : {Unit::characters, Unit::words, Unit::bpe})
    for (bool validation : {false, true})
      for (bool test : {false, true}) {
        const Parts parts = split(text, unit, {.validation = validation, .test = test});
        CHECK(parts.train + parts.validation + parts.test == text);
        const auto share = [&](const std::string& part) {
          return static_cast<double>(part.size()) / static_cast<double>(text.size());
        };
        CHECK(share(parts.validation) == doctest::Approx(validation ? 0.1 : 0).epsilon(0.03));
        CHECK(share(parts.test) == doctest::Approx(test ? 0.1 : 0).epsilon(0.03));
        for (const std::string* part : {&parts.validation, &parts.test}) {
          if (part->empty()) continue;
          CHECK((part->front() & 0xC0) != 0x80);
          if (unit == Unit::words) CHECK(part->find_first_of(" \n") != 0);
        }
        if (unit == Unit::words && test) {
          const char before = (parts.train + parts.validation).back();
          CHECK((before == ' ' || before == '\n'));
        }
      }
  CHECK(split("0123456789", Unit::characters, {}).test == "9");  // as int(0.9 n) cuts
  check_says(message_of([] { (void)split("a", Unit::characters, {}); }),
             "was required, in several characters: got 1");
  check_says(message_of([] { (void)split("one-long-word-without-an-end", Unit::words, {}); }),
             "was required, in several words");
}

TEST_CASE("n-grams have the probabilities of their definition") {
  unroll::Generator g(3);
  for (Index order : {1, 2, 3, 5}) {
    const Index vocab = 4;
    Ids train, test;
    for (int i = 0; i < 150; ++i) train.push_back(g.below(g.below(2) ? 3 : 2));
    for (int i = 0; i < 40; ++i) test.push_back(g.below(vocab));  // 3 was never seen
    const NGram model(train, vocab, order);
    const std::vector<double> nats = model.nats(test, 7);
    REQUIRE(nats.size() == test.size() - 7);
    for (std::size_t i = 7; i < test.size(); ++i) {
      const auto end = test.begin() + static_cast<std::ptrdiff_t>(i);
      const Ids context(end - (order - 1), end);
      CHECK(nats[i - 7] == doctest::Approx(-std::log(witten_bell(train, vocab, context, test[i]))));
    }
  }
}

TEST_CASE("the probabilities of an n-gram model add up to 1 after any context") {
  const Ids train{0, 1, 2, 0, 1, 2, 2, 1, 0, 3};
  const NGram model(train, 5, 4);
  for (const Ids& context : {Ids{}, Ids{0}, Ids{0, 1, 2}, Ids{4, 4, 4}, Ids{3}}) {
    double sum = 0;
    for (Index id = 0; id < 5; ++id) {
      Ids ids = context;
      ids.push_back(id);
      sum += std::exp(-model.nats(ids, static_cast<Index>(context.size()))[0]);
    }
    CHECK(sum == doctest::Approx(1));
  }
  check_refused([] { NGram({}, 0, 1); }, "a vocabulary and an order of at least 1 were required");
}
