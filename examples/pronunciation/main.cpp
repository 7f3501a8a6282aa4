// Predicts the phonemes of English words: "unroll" -> "AH N R OW L".
#include "examples/common/command_line.h"
#include "examples/common/translation.h"

#include <algorithm>
#include <numeric>

namespace {

using namespace program;

// Refuses swapped columns, where they tell: a word is one unit, its phonemes are usually several.
void check_pair(const std::string& word, const std::string& phonemes, const std::string& path,
                int line) {
  const auto units = [](const std::string& text) { return unroll::data::divide(text, {}).size(); };
  unroll::check_io(units(word) <= units(phonemes),
                   "{}:{}: a word, and phonemes separated by spaces, were required: got \"{}\" and "
                   "\"{}\"; are the columns swapped?",
                   path, line, unroll::excerpt(word), unroll::excerpt(phonemes));
}

const Texts kTexts{.source = "word",
                   .target = "phonemes",
                   .source_text = {.unit = unroll::data::Unit::code_points, .fold_case = true},
                   .target_text = {.unit = unroll::data::Unit::words},
                   .source_units = "letters",
                   .target_units = "phonemes",
                   .check = check_pair};

// Error counts of some answers.
struct Errors {
  Index wrong = 0, words = 0, edits = 0, phonemes = 0;

  double word_rate() const { return static_cast<double>(wrong) / static_cast<double>(words); }
  double phoneme_rate() const { return static_cast<double>(edits) / static_cast<double>(phonemes); }
};

Errors errors_of(const Translator& translator, const std::vector<Answer>& answers,
                 const std::vector<std::string>& truths) {
  Errors out;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const std::vector<std::string> truth = translator.target_units(truths[i]);
    const Index edits = edit_distance(answers[i].units, truth);
    out.wrong += edits > 0, ++out.words, out.edits += edits;
    out.phonemes += static_cast<Index>(truth.size());
  }
  return out;
}

// Prints the error rates, greedy and by beam search, and some wrong words.
void show_figures(const Translator& translator, const std::vector<std::string>& words,
                  const std::vector<std::string>& truths, Index beams, Report& report) {
  Table table({"search", "phoneme error rate", "word error rate"});
  std::vector<Answer> answers;
  Errors errors;
  for (const auto& [name, width] : {std::pair("greedy", Index{1}), std::pair("beam", beams)}) {
    answers = translator.best(words, width);
    if (interrupted()) return;
    errors = errors_of(translator, answers, truths);
    table.add(name,
              {{fmt::format("{:.4f}", errors.phoneme_rate())},
               {fmt::format("{:.4f}", errors.word_rate())}},
              fmt::format("{} of {} words are correct", errors.words - errors.wrong, errors.words));
  }
  table.print();
  report.add("phoneme_error_rate", errors.phoneme_rate());
  report.add("word_error_rate", errors.word_rate());
  Index shown = 0;
  for (std::size_t i = 0; i < words.size() && shown < 8; ++i)
    if (answers[i].text != truths[i]) {
      if (shown++ == 0) say("\nSome errors of the beam search:\n");
      say("  {}: {}, dictionary: {}\n", words[i], answers[i].text, truths[i]);
    }
}

// Draws the attention for two words of the test part: the longest ones with correct phonemes.
void draw(const Translator& translator, const std::vector<std::string>& words,
          const std::vector<std::string>& truths, Index beams, const std::string& path) {
  std::vector<std::size_t> order(words.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return words[a].size() > words[b].size(); });
  Figure figure;
  figure.title = "Attention weights of each phoneme over the letters";
  figure.panel_width = 900;
  figure.panel_height = 460;
  int drawn = 0;
  for (std::size_t i = 0; i < order.size() && i < 50 && drawn < 2; ++i) {
    const std::string& word = words[order[i]];
    const Answer answer = translator.best({word}, beams)[0];
    if (answer.text != truths[order[i]]) continue;
    figure.add(translator.panel(word, answer));
    ++drawn;
  }
  if (drawn > 0)
    figure.draw(path);
  else
    say("No picture: none of the longest words is correct.\n");
}

void run_program(const Options& o, const TranslationChoice& choice, const std::string& word,
                 Report& report) {
  o.prepare();
  Translator::check_source("--word", word);
  // No evaluation.
  if (!o.predict.empty() || (!word.empty() && !o.load.empty() && !o.given("--json"))) {
    Translator translator(o, kTexts, choice, nullptr);
    translator.fit(o, report, nullptr);
    if (!o.predict.empty()) translator.predict(o);
    if (!word.empty()) translator.say_best(word);
    return;
  }
  const Pairs pairs = read_pairs(o.data, kTexts);
  say("{} words: {} train, {} validate, {} test; no word is in two parts.\n", pairs.sources.size(),
      pairs.train.size(), pairs.validation.size(), pairs.test.size());
  std::vector<std::string> words = picked(pairs.sources, pairs.test),
                           truths = picked(pairs.targets, pairs.test);
  if (!o.test.empty()) {
    Pairs other = read_pairs(o.test, kTexts);
    words = std::move(other.sources), truths = std::move(other.targets);
  }
  unroll::check_io(!words.empty(), "{}: more words were required: none is left to test", o.data);
  Translator translator(o, kTexts, choice, &pairs);
  translator.fit(o, report, &pairs);
  if (interrupted()) return;
  if (!o.test.empty()) say("Figures on {}, {} words:\n", o.test, words.size());
  show_figures(translator, words, truths, choice.beams, report);
  if (!word.empty()) translator.say_best(word);
  if (!o.picture.empty() && !interrupted())
    draw(translator, words, truths, choice.beams, o.picture);
}

}  // namespace

int main(int argc, char** argv) {
  TranslationChoice choice;
  choice.hidden = 256;
  choice.epochs = 12;
  choice.dropout = 0.3;
  std::string word;
  return run(
      argc, argv,
      {.name = "pronunciation",
       .description = "Predicts the pronunciation of English words: letters to the 39 phonemes\n"
                      "of the CMU dictionary.",
       .pictures = {"pronunciation.svg"},
       .takes = {.data = "Words: a table with the columns word and phonemes",
                 .sample = sample("pronunciation.tsv.gz"),
                 .test = "Test on the words of this file, of the same form",
                 .predict = "Words, one per line",
                 .resume = true}},
      [&](CLI::App& app) {
        declare(app, choice);
        app.add_option("--word", word, "Also pronounce this word: the three best answers");
      },
      [&](const Options& o, Report& report) { run_program(o, choice, word, report); });
}
