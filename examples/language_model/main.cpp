// Language models that predict the next character, word or byte pair: an LSTM or any other sequence
// model of the library, compared with n-grams, on the King James Bible or any other text.
//
// text.h divides a text into units and parts; ngram.h is the baseline; model.h, fit.h and
// generate.h are the network, its training, and generation; options.h has the recipes; report.h
// prints and draws the results; run.h runs all of it.
#include "examples/language_model/run.h"

using namespace language_model;

int main(int argc, char** argv) {
  Choice choice;
  return program::run(
      argc, argv,
      {.name = "language_model",
       .description = "Predicts the next character, word or byte pair of a text with an LSTM or\n"
                      "another sequence model, compares it with n-grams, and generates text.",
       .pictures = {"language_model.png"},
       .takes = {.data = "A table with a column \"text\", one line a row\n(default: the King James "
                         "Bible by verse)",
                 .sample = program::sample("kjv_verses.tsv.gz"),
                 .test = "Test on this text (with --data: a table) instead of\nthe last tenth of "
                         "the text",
                 .predict = "Continue each line of this file up to a line end;\nalso write its "
                            "bits per character",
                 .resume = true}},
      [&](CLI::App& app) { declare(app, choice); },
      [&](const program::Options& o, program::Report& report) {
        apply_recipe(choice, o);
        program::check_text("--generate", choice.prompt);
        o.prepare({choice.text, choice.validation});
        if (o.load.empty())
          train_and_compare(choice, o, report);
        else
          apply_model(choice, o, report);
      });
}
