// Identifies the language of a snippet of 5 to 40 characters: naive Bayes on pairs, longer n-grams,
// a GRU (or another sequence model) over the characters, and a combination of n-grams and GRU.
//
// paragraphs.h reads and splits the data and draws snippets; ngrams.h counts; model.h has the GRU
// and the combination, fit.h trains them; report.h compares them.
#include "examples/common/command_line.h"
#include "examples/languages/experiment.h"

int main(int argc, char** argv) {
  languages::Choice choice;
  return program::run(
      argc, argv,
      {.name = "languages",
       .description = "Identifies the language of a few characters by n-grams, a GRU, and both.",
       .pictures = {"languages.svg"},
       .takes = {.data = "Paragraphs: a table with the columns language and text",
                 .sample = program::sample("languages.tsv.gz"),
                 .test = "Other paragraphs to test on",
                 .predict = "Texts without language: a column text, or one per line",
                 .resume = true}},
      [&](CLI::App& app) {
        app.add_option("--text", choice.text, "Print the most probable languages of this text");
        program::declare_kind(app, choice.model, {.help = "What reads the characters"});
        program::add_number(app, "--hidden", choice.hidden, 1, 4096,
                            "Size of the GRU or other model (default: 64)");
        program::declare_size(app, choice.size, "--model gru");
        program::add_number(app, "--limit", choice.limit, 5, 1'000'000,
                            "Use at most N paragraphs of each language (default: all)");
        program::add_number(app, "--snippets", choice.snippets, 1, 1000,
                            "Snippets per test paragraph and length (default: 5)");
      },
      [&](const program::Options& o, program::Report& report) {
        o.prepare();
        program::check_size(choice.size, o);
        if (o.load.empty()) return languages::train_and_compare(choice, o, report);
        o.refuse({"--model", "--hidden", "--limit", "--parameters", "--equal-parameters"},
                 "a model to be trained", "--load");
        languages::apply_model(choice, o, report);
      });
}
