// Labelled words: of a folder, by espeak-ng, and their split by speaker.
#include "examples/speech/words.h"

#include "examples/speech/warping.h"
#include "tests/examples/speech/sounds.h"

#include <map>
#include <set>

using namespace speech;

namespace {

// Words without sound of these speakers, `each` of every label.
Words spoken_by(int speakers, int each) {
  Words out;
  for (int s = 0; s < speakers; ++s)
    for (int n = 0; n < each; ++n)
      for (const std::string label : {"a", "b"})
        out.push_back({label, fmt::format("s{}", s), fmt::format("{}_{}_{}", label, s, n), {}});
  return out;
}

std::set<std::string> names_of(const Words& words) {
  std::set<std::string> out;
  for (const Word& word : words) out.insert(word.name);
  return out;
}

}  // namespace

TEST_CASE("no speaker is in two parts, and every word is in one") {
  for (int speakers = 3; speakers < 30; ++speakers)
    for (std::uint64_t seed = 1; seed < 4; ++seed) {
      const Words all = spoken_by(speakers, 2);
      const Parts parts = split(all, seed);
      CHECK(parts.by_speaker);
      std::map<std::string, int> in;
      std::set<std::string> names;
      std::size_t count = 0;
      for (const Words* part : {&parts.train, &parts.validation, &parts.test}) {
        for (const std::string& speaker : speakers_of(*part)) ++in[speaker];
        names.merge(names_of(*part));
        count += part->size();
      }
      CHECK(count == all.size());
      CHECK(names == names_of(all));
      CHECK(std::ssize(in) == speakers);
      for (const auto& [speaker, times] : in) CHECK(times == 1);
      const auto each = std::max<long>(1, std::lround(speakers / 5.0));
      CHECK(std::ssize(speakers_of(parts.test)) == each);
      CHECK(std::ssize(speakers_of(parts.validation)) == each);
      CHECK(names_of(split(all, seed).test) == names_of(parts.test));
    }
}

TEST_CASE("the recordings of one or two speakers are divided by label") {
  for (int speakers = 1; speakers < 3; ++speakers) {
    const Parts parts = split(spoken_by(speakers, 10), 1);
    CHECK_FALSE(parts.by_speaker);
    for (const Words* part : {&parts.validation, &parts.test}) {
      std::map<std::string, int> labels;
      for (const Word& word : *part) ++labels[word.label];
      CHECK(labels["a"] == 2 * speakers);
      CHECK(labels["b"] == 2 * speakers);
    }
  }
}

TEST_CASE("espeak-ng's words have their labels: each is nearest to the same word spoken alone") {
  if (!espeak_is_there()) return;
  Spoken what = default_speech();
  CHECK(what.voices.size() == 12);
  CHECK(what.words.size() == 30);
  what.pitches = {50}, what.speeds = {160};
  std::vector<std::string> some(what.words.begin() + 3, what.words.begin() + 12);
  what.voices = {"en-us+f1"};
  what.words = some;
  const Words together = speak(what);
  REQUIRE(together.size() == some.size());
  Words alone;
  for (const std::string& word : some) {
    Spoken one = what;
    one.words = {word};
    for (const Word& spoken : speak(one)) alone.push_back(spoken);
  }
  const NearestNeighbour nearest(alone);
  for (std::size_t i = 0; i < some.size(); ++i) {
    CHECK(together[i].label == some[i]);
    CHECK(together[i].speaker == "en-us+f1");
    CHECK(nearest(together[i]) == some[i]);
  }
}
