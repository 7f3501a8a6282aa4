// Order: a bag of words against models that read the words one after another.
//
// Three questions about texts: who acts in a sentence (common/sentences.h) and whether a verse is
// as written or shuffled (common/verses.h), which depend on the order; and which Testament a verse
// is from, which the words mostly answer without it. Training is on short texts, testing on short
// and on long ones.
#include "examples/lab/common/questions.h"
#include "examples/lab/common/sentences.h"
#include "examples/lab/common/verses.h"

#include <fmt/format.h>

#include <array>

namespace {

using lab::Answers;
using lab::Experiment;
using lab::mean;
using lab::percent;
using lab::percents;
using lab::Shares;
using unroll::Index;

const std::vector<std::string> kModels{"bag",  "logistic", "rnn",        "gru",
                                       "lstm", "mamba",    "transformer"};
constexpr Index kTrainedClauses = 1, kMostClauses = 5, kParameters = 8000;

// The question, tested on sentences with 0, 1 .. kMostClauses subordinate clauses.
lab::Question who_acts(const Experiment& e) {
  lab::Question out{.ids = std::ssize(lab::sentence_words()),
                    .classes = lab::kNouns,
                    .training =
                        [](unroll::Generator& random) {
                          return lab::who_acts(32, {.most_clauses = kTrainedClauses}, random);
                        },
                    .tests = {},
                    .steps = e.choose<Index>(800, 1500, 5000),
                    .parameters = kParameters,
                    .batches = e.choose<Index>(5, 20, 50)};
  for (Index c = 0; c <= kMostClauses; ++c)
    out.tests.push_back([c](unroll::Generator& random) {
      return lab::who_acts(100, {.fewest_clauses = c, .most_clauses = c}, random);
    });
  return out;
}

void explain_sentences(Experiment& e) {
  unroll::Generator random(e.options().seed);
  const std::string plain = lab::text_of(lab::sentence({.most_clauses = 0}, random)),
                    nested = lab::text_of(
                        lab::sentence({.fewest_clauses = 2, .most_clauses = 2}, random));
  e.text(fmt::format(
      "Who acts? The sentences come from a small grammar with active and passive verbs, such as "
      "\"{}\" or \"{}\" The answer is the noun that acts in the main clause, one of {}. Without "
      "the order of the words, each noun of a sentence is equally likely to be the answer. So a "
      "model that ignores order is right, on average, in at most one of n sentences with n nouns. "
      "Training is on sentences with at most {} subordinate clause (\"that ...\"), testing on new "
      "sentences with none to {}. All models but logistic regression have about {} parameters, and "
      "all are trained with the same batches, steps and learning rate.",
      plain, nested, lab::kNouns, kTrainedClauses, kMostClauses, kParameters));
}

void sentences(Experiment& e) {
  explain_sentences(e);
  const lab::Question question = who_acts(e);
  lab::Series limit{"best without order", {}};
  lab::Chart chart{.title = "Who acts? Accuracy, trained on at most one clause",
                   .x = {.label = "subordinate clauses"},
                   .y = {.label = "accuracy", .low = 0, .high = 1},
                   .at = {},
                   .series = {}};
  for (Index c = 0; c <= kMostClauses; ++c) {
    chart.at.push_back(static_cast<double>(c));
    limit.values.push_back(1 / static_cast<double>(2 + c));
  }
  lab::Table table{
      "Who acts? Right answers in percent", {"model", "short", "long", "parameters"}, {}};
  Shares on_short, on_long;
  for (const std::string& kind : kModels) {
    const Answers of = lab::answers(e, kind, question, e.choose<Index>(1, 3, 5));
    const std::vector<double> all_short = of.of_tests(0, kTrainedClauses),
                              all_long = of.of_tests(kTrainedClauses + 1, kMostClauses);
    on_short[kind] = mean(all_short), on_long[kind] = mean(all_long);
    chart.series.push_back(lab::series(kind, of));
    table.rows.push_back(
        {kind, percents(all_short), percents(all_long), std::to_string(of.parameters)});
    e.figure(kind + ".accuracy", on_short[kind]);
    e.figure(kind + ".accuracy_long", on_long[kind]);
    e.figure(kind + ".parameters", static_cast<double>(of.parameters));
  }
  chart.series.push_back(limit);
  const double best_short =
                   mean({limit.values.begin(), limit.values.begin() + kTrainedClauses + 1}),
               best_long = mean({limit.values.begin() + kTrainedClauses + 1, limit.values.end()});
  e.figure("without_order.accuracy", best_short);
  e.figure("without_order.accuracy_long", best_long);
  e.chart(chart);
  e.table(table);

  constexpr double kSolved = 0.95;
  std::vector<std::string> solved, longer;
  for (const std::string& kind : kModels) {
    if (lab::without_order(kind)) continue;
    if (on_short[kind] >= kSolved) solved.push_back(kind);
    longer.push_back(kind + " " + percent(on_long[kind]));
  }
  e.conclude(fmt::format(
      "Who acts in a short sentence: a bag of words is right in {}, logistic regression on word "
      "counts in {}; without order, the best possible is {} on average. Of the models that read in "
      "order, these are right in at least {:.0f} %: {}.",
      percent(on_short["bag"]), percent(on_short["logistic"]), percent(best_short), 100 * kSolved,
      solved.empty() ? "none" : fmt::format("{}", fmt::join(solved, ", "))));
  e.conclude(
      fmt::format("On sentences longer than those of the training: {}. The best possible without "
                  "order is {} on average.",
                  fmt::join(longer, ", "), percent(best_long)));
}

void explain_verses(Experiment& e, const lab::Verses& bible,
                    const std::array<lab::VerseOptions, 3>& parts) {
  e.text(fmt::format(
      "Verses of the King James Bible. \"As written?\": each verse is shown once as it is written "
      "and once with its words in random order, without punctuation; both have the same words. "
      "\"Old or New?\": which Testament is it from, with as many verses of each. Training is on {} "
      "verses of {} to {} words, testing on {} others of these lengths and on {} of {} to {} "
      "words.",
      bible.count(parts[0]), parts[0].fewest, parts[0].most, bible.count(parts[1]),
      bible.count(parts[2]), parts[2].fewest, parts[2].most));
}

void verses(Experiment& e) {
  const lab::Verses bible(2000);
  const std::array<lab::VerseOptions, 3> parts{
      {{}, {.held_out = true}, {.fewest = 24, .most = 48, .held_out = true}}};
  explain_verses(e, bible, parts);
  const lab::Question written{
      .ids = bible.ids(),
      .classes = 2,
      .training = bible.as_written(16, parts[0]),
      .tests = {bible.as_written(50, parts[1]), bible.as_written(50, parts[2])},
      .steps = e.choose<Index>(200, 1500, 4000),
      .parameters = 45'000,
      .batches = e.choose<Index>(4, 20, 40)};
  lab::Question testament = written;
  testament.training = bible.testaments(32, parts[0]);
  testament.tests = {bible.testaments(100, parts[1]), bible.testaments(100, parts[2])};
  testament.steps = e.choose<Index>(100, 500, 1000);
  lab::Table table{"Verses: right answers in percent",
                   {"model", "as written?", "long", "Old or New?", "long"},
                   {}};
  Shares order, order_long, subject, subject_long;
  for (const std::string& kind : kModels) {
    const Index repetitions = e.choose<Index>(1, 3, 5);
    const auto of = lab::answers(e, kind, written, repetitions).accuracies,
               about = lab::answers(e, kind, testament, repetitions).accuracies;
    table.rows.push_back(
        {kind, percents(of[0]), percents(of[1]), percents(about[0]), percents(about[1])});
    order[kind] = mean(of[0]), order_long[kind] = mean(of[1]);
    subject[kind] = mean(about[0]), subject_long[kind] = mean(about[1]);
    e.figure(kind + ".verses", order[kind]);
    e.figure(kind + ".verses_long", order_long[kind]);
    e.figure(kind + ".testament", subject[kind]);
    e.figure(kind + ".testament_long", subject_long[kind]);
  }
  e.table(table);
  e.conclude(fmt::format(
      "Is a verse as it was written? A bag of words is right in {}; the best model that reads in "
      "order, {}, in {} of the short verses and {} of the long ones.",
      percent(order["bag"]), lab::best(order, false), percent(order[lab::best(order, false)]),
      percent(order_long[lab::best(order, false)])));
  const std::string bag = lab::best(subject, true), reader = lab::best(subject, false);
  const double ahead = subject[reader] - subject[bag];
  e.conclude(
      fmt::format("Old or New Testament, mostly a question of the words: {} (without order) is "
                  "right in {} of the short and {} of the long verses, {} (the best with order) in "
                  "{} and {}. {}",
                  bag, percent(subject[bag]), percent(subject_long[bag]), reader,
                  percent(subject[reader]), percent(subject_long[reader]),
                  std::abs(ahead) < 0.01 ? "Order adds little to the words here."
                  : ahead > 0            ? "Order helps here too."
                              : "The one without order, which is simpler, is better here."));
}

}  // namespace

int main(int argc, char** argv) {
  return lab::run(argc, argv,
                  {.name = "order",
                   .number = 7,
                   .title = "Order and length",
                   .claim = "\"The dog bit the man\" and \"the man bit the dog\" are the same bag "
                            "of words. Where order decides, a model has to read in order; what it "
                            "learned on short sentences it should use on long ones."},
                  [](Experiment& e) {
                    sentences(e);
                    verses(e);
                  });
}
