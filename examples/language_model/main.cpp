// Language models: which character, word or byte pair comes next? RNN, LSTM and GRU beside n-grams,
// on the King James Bible or any other text.
//
// text.h divides a text into units and parts; ngram.h is the baseline; model.h, fit.h and
// generate.h are the network, its training, and what it writes; options.h has the recipes; report.h
// and run.h what a person gets.
#include "examples/language_model/run.h"

using namespace language_model;

int main(int argc, char** argv) {
  Choice choice;
  return program::run(
      argc, argv,
      {.name = "language_model",
       .description = "Predicts the next character, word or byte pair of a text, by RNN, LSTM or\n"
                      "GRU beside n-grams, and writes text.",
       .pictures = {"language_model.png"},
       .takes = {.data = "A table with a column \"text\", one line a row\n(default: the King James "
                         "Bible by verse)",
                 .sample = program::sample("kjv_verses.tsv.gz"),
                 .test = "A text (with --data: a table) whose figures are shown;\nwithout it the "
                         "last tenth of the text tests",
                 .predict = "Continue each line of this file up to its end, and\nsay how probable "
                            "it is",
                 .resume = true}},
      [&](CLI::App& app) { declare(app, choice); },
      [&](const program::Options& o, program::Report& report) {
        settle(choice, o);
        o.prepare({choice.text, choice.validation});
        if (o.load.empty())
          train_and_compare(choice, o, report);
        else
          apply_model(choice, o, report);
      });
}
