// The program speech without recordings: it learns from words spoken by espeak-ng, if that is
// installed.
#include "tests/examples/speech/sounds.h"

TEST_CASE("speech without recordings learns from synthetic voices, and says that they are") {
  if (!espeak_is_there()) return;
  const Folder folder;
  const std::string json = folder / "o.json", model = folder / "m";
  const Outcome run =
      run_program("speech", {"--epochs", "1", "--hidden", "8", "--layers", "1", "--decoder",
                             "greedy", "--json", json, "--save", model});
  REQUIRE_MESSAGE(run.code == 0, run.err);
  CAPTURE(run.out);
  const Numbers n(json);
  CHECK(n["synthetic"] == 1);
  CHECK(n["words"] == 900);  // two voices, thirty words, five pitches, three speeds
  CHECK(n["word_accuracy.nearest_neighbour"] > 0.8);
  CHECK(n["word_accuracy"] == n["word_accuracy.greedy"]);
  CHECK(run.out.find("synthetic speech by espeak-ng: 3600 words train (8 speakers)") !=
        std::string::npos);
  CHECK(run.out.find("900 test words: synthetic speech by espeak-ng") != std::string::npos);
  const Outcome heard =
      run_program("speech", {"--load", model, "--wav", folder.write("a.wav", wav(tones("ab")))});
  CHECK(heard.code == 0);
  CHECK(heard.out.find("trained on synthetic speech by espeak-ng") != std::string::npos);
}
