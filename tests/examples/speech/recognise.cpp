// Words in a stream: they do not depend on its chunks, and equal those of single recordings.
#include "examples/speech/recognise.h"
#include "tests/examples/speech/sounds.h"

using namespace speech;

namespace {

struct Found {
  std::vector<Segment> segments;
  std::vector<std::string> texts;
  std::vector<std::vector<float>> logits;
  bool operator==(const Found& other) const {
    return texts == other.texts && logits == other.logits;
  }
};

// An untrained model writes letters too.
struct Untrained {
  Words words;
  Letters letters;
  Model model;
  Decoder decoder;
  explicit Untrained(const ReaderChoice& choice)
      : words{{"abcd", "", "", trimmed(tones("abcd"))}},
        letters(words),
        model(letters.symbols(), reader_options(choice)),
        decoder(letters, {}, {}) {
    model.normalise_by(words);
  }
  Found found(const Sound& samples, unroll::Generator* random) const {
    Found out;
    Recogniser recogniser(model, decoder, [&](const Utterance& u) {
      out.segments.push_back(u.segment);
      out.texts.push_back(u.heard.text);
      out.logits.push_back(u.logits.to_vector<float>());
      CHECK(std::ssize(u.frames) == u.segment.end - u.segment.begin);
    });
    if (random == nullptr)
      recogniser.push(samples);
    else
      in_chunks(samples, *random, [&](std::span<const float> chunk) { recogniser.push(chunk); });
    recogniser.end();
    return out;
  }
};

Sound three_words() {
  return silence(0.3) + tones("abc") + silence(0.35) + tones("dca") + silence(1) + tones("b");
}

}  // namespace

TEST_CASE("the words of a stream do not depend on its chunks, to the bit") {
  unroll::Generator random(1);
  for (const std::string& kind : program::sequence_kinds()) {
    CAPTURE(kind);
    unroll::manual_seed(2);
    const Untrained of({.kind = kind, .hidden = 16, .layers = 1});
    const Found whole = of.found(three_words(), nullptr);
    CHECK(whole.texts.size() == 3);
    CHECK(of.found(three_words(), &random) == whole);
  }
}

TEST_CASE("a model makes the same steps in a stream as for a whole recording") {
  for (const bool bidirectional : {false, true})
    for (const std::string kind : {"gru", "mamba", "transformer"}) {
      CAPTURE(kind);
      const Untrained of({.kind = kind, .hidden = 16, .layers = 2, .bidirectional = bidirectional});
      const Found found = of.found(silence(0.3) + tones("abc"), nullptr);
      REQUIRE(found.logits.size() == 1);
      const std::vector<Tensor> whole =
          logits_of(of.model, {{"abc", "", "", trimmed(silence(0.3) + tones("abc"))}});
      const std::vector<float> expected = whole[0].to_vector<float>();
      REQUIRE(found.logits[0].size() == expected.size());
      for (std::size_t i = 0; i < expected.size(); ++i)
        CHECK(found.logits[0][i] == doctest::Approx(expected[i]).epsilon(1e-3));
    }
}

TEST_CASE("each word of a stream begins with the state of a first word") {
  unroll::manual_seed(3);
  const Untrained of({.hidden = 16, .layers = 1});
  const Sound word = silence(0.5) + tones("cab") + silence(0.5);
  const Found once = of.found(word, nullptr), twice = of.found(word + word, nullptr);
  REQUIRE(once.logits.size() == 1);
  REQUIRE(twice.logits.size() == 2);
  CHECK(twice.logits[0] == once.logits[0]);
  CHECK(twice.logits[1] == once.logits[0]);
}

TEST_CASE("silence, and nothing at all, have no words") {
  const Untrained of({.hidden = 8, .layers = 1});
  for (const Sound& samples : {Sound(), silence(0.01), silence(5)})
    CHECK(of.found(samples, nullptr).texts.empty());
}
