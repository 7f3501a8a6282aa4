// The program pronunciation, on a small file: figures, the answers to a word, refusals.
#include "tests/examples/run_program.h"

namespace {

// Words of the letters a to e, each pronounced by two phonemes.
std::string table() {
  std::string out = "word\tphonemes\n";
  for (int i = 0; i < 250; ++i) {
    std::string word, sounds;
    for (int rest = i + 5; rest > 0; rest /= 5) {
      const int letter = rest % 5;
      word += static_cast<char>('a' + letter);
      sounds += fmt::format("{}X{} Y{}", sounds.empty() ? "" : " ", letter, letter);
    }
    out += word + "\t" + sounds + "\n";
  }
  return out;
}

}  // namespace

TEST_CASE("pronunciation: error rates in their ranges, the three best answers, a saved model") {
  const Folder folder;
  const std::string data = folder.write("words.tsv", table()), model = folder / "model";
  const Numbers numbers =
      numbers_of("pronunciation", {"--data", data, "--hidden", "24", "--epochs", "3", "--threads",
                                   "1", "--save", model, "--word", "abba"});
  CHECK(numbers["word_error_rate"] >= 0);
  CHECK(numbers["word_error_rate"] <= 1);
  CHECK(numbers["phoneme_error_rate"] >= 0);
  const Outcome one = run_program("pronunciation", {"--load", model, "--word", "Deed"});
  CHECK(one.code == 0);
  CHECK(one.out.rfind("Deed\n", 0) == 0);
  CHECK(std::count(one.out.begin(), one.out.end(), '\n') == 4);  // the word, three answers
  // In capitals it is the same word.
  const Outcome lower = run_program("pronunciation", {"--load", model, "--word", "deed"});
  CHECK(one.out.substr(5) == lower.out.substr(5));
  const Outcome predicted = run_program(
      "pronunciation", {"--load", model, "--predict", folder.write("asked.txt", "bead\ncab\n")});
  CHECK(predicted.code == 0);
  CHECK(std::count(predicted.out.begin(), predicted.out.end(), '\n') == 3);
}

TEST_CASE("pronunciation refuses bad input by a sentence") {
  const Folder folder;
  check_refused("pronunciation", {"--data", folder.write("a.tsv", "word\tphonemes\n")}, "a.tsv");
  check_refused("pronunciation", {"--data", folder.write("b.tsv", "word\tphonemes\n \tX\n")},
                "a text in column \"word\" was required");
  check_refused("pronunciation", {"--beams", "0"}, "--beams");
}
