// Classifies dictionary glosses by topic: naive Bayes and a linear model on bags of words, an
// EmbeddingBag, and an LSTM, or another sequence model, over the words in order.
//
// glosses.h reads the data; features.h extracts features; models.h has the four models, fit.h
// trains them; report.h compares them; retrieval.h finds the glosses nearest to a query.
#include "examples/common/command_line.h"
#include "examples/topics/experiment.h"

int main(int argc, char** argv) {
  topics::Choice choice;
  return program::run(
      argc, argv,
      {.name = "topics",
       .description = "Classifies dictionary glosses by topic with four models, and finds the\n"
                      "glosses nearest to a query.",
       .pictures = {"topics.svg"},
       .takes = {.data = "Labelled glosses: a table with the columns class and gloss",
                 .sample = program::sample("glosses.tsv.gz"),
                 .test = "Other labelled glosses to test on",
                 .predict = "Glosses without class: a column gloss, or one per line",
                 .resume = true}},
      [&](CLI::App& app) {
        program::declare_kind(app, choice.model,
                              {.help = "Train one model only; default: the first three and lstm",
                               .first = {std::begin(topics::kBags), std::end(topics::kBags)}});
        app.add_option("--features", choice.features,
                       "Of linear and embedding_bag: words, pairs or beginning (default: the best "
                       "in validation)");
        app.add_option("--query", choice.query, "Print the glosses nearest to this text");
        program::add_number(app, "--hidden", choice.hidden, 1, 4096,
                            "Size of embeddings and LSTM (default: 64)");
        program::declare_size(app, choice.size, "--model lstm");
        program::add_number(app, "--limit", choice.limit, 20, 1'000'000'000,
                            "Use about this many glosses (default: all)");
      },
      [&](const program::Options& o, program::Report& report) {
        o.prepare();
        if (!o.load.empty()) {
          o.refuse({"--features", "--hidden", "--limit", "--parameters", "--equal-parameters"},
                   "a model to be trained", "--load");
          return topics::apply_model(choice, o, report);
        }
        program::check_size(choice.size, o);
        program::check_one_model(o, choice.model, "naive_bayes, linear, embedding_bag or lstm", "",
                                 1);
        if (!choice.query.empty() && choice.model.empty()) choice.model = "embedding_bag";
        topics::train_and_compare(choice, o, report);
      });
}
