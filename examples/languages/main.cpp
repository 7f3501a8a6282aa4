// Which language is a snippet of 5 to 40 characters? Counted pairs and longer n-grams, a GRU over
// the characters, and a mixture of them.
//
// paragraphs.h reads and parts the data and takes snippets; ngrams.h counts; model.h has the GRU
// and the mixture, fit.h trains them; report.h compares.
#include "examples/languages/experiment.h"

int main(int argc, char** argv) {
  languages::Choice choice;
  return program::run(
      argc, argv,
      {.name = "languages",
       .description = "Tells the language of a few characters, by counting, by a GRU, and by both.",
       .takes = {.data = "paragraphs: a table with the columns language and text",
                 .sample = program::sample("languages.tsv.gz"),
                 .test = "other paragraphs, whose figures are shown instead",
                 .predict = "texts without language: a column text, or one a line",
                 .resume = true}},
      [&](CLI::App& app) {
        app.add_option("--text", choice.text, "tell the language of this text: the best guesses");
        program::add_number(app, "--hidden", choice.hidden, 1, 4096,
                            "size of the GRU (default: 64)");
        program::add_number(app, "--limit", choice.limit, 5, 1'000'000,
                            "use so many paragraphs of each language (default: all)");
        program::add_number(app, "--snippets", choice.snippets, 1, 1000,
                            "of each tested paragraph and length (default: 5)");
      },
      [&](const program::Options& o, program::Report& report) {
        o.prepare();
        if (o.load.empty()) return languages::train_and_compare(choice, o, report);
        o.refuse({"--hidden", "--limit"}, "a model to be trained", "--load");
        languages::apply_model(choice, o, report);
      });
}
