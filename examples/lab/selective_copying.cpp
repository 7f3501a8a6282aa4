// Selection: copying ids from random places, and induction heads (Gu and Dao 2023, 4.1).
//
// The control is copying from fixed places, which does not need selection.
#include "examples/common/terminal.h"
#include "examples/lab/common/any_model.h"
#include "examples/lab/common/seeds.h"
#include "examples/lab/common/tasks.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace {

using lab::Experiment;
using lab::Index;
using lab::Numbers;
using unroll::Generator;

constexpr Index kBatch = 32, kSymbols = 8;
constexpr double kSolved = 0.95, kEnough = 0.99;
const char* const kConstant = "mamba-constant";  // without selection
const char* const kLru = "lru";
const char* const kSelective = "mamba";

struct Size {
  Index steps, copied, parameters, training, seeds, batches;
};

struct Question {
  std::string name, figure;
  Index ids = 0;
  lab::Task training;
  std::vector<lab::Task> tests = {};  // the first is like the training
};

std::vector<Question> questions(const Size& size) {
  const Index steps = size.steps, copied = size.copied;
  Question fixed{"fixed places", "fixed", lab::selective_copy_ids(kSymbols), [=](Generator& g) {
                   return lab::spread_copy(kBatch, steps, copied, kSymbols, g);
                 }};
  Question selective{
      "selective copying", "accuracy", lab::selective_copy_ids(kSymbols),
      [=](Generator& g) { return lab::selective_copy(kBatch, steps, copied, kSymbols, g); }};
  Question induction{"induction", "induction", lab::induction_ids(kSymbols),
                     [=](Generator& g) { return lab::induction(kBatch, steps, kSymbols, g); }};
  for (Question* each : {&fixed, &selective, &induction}) each->tests = {each->training};
  induction.tests.push_back(
      [=](Generator& g) { return lab::induction(kBatch, 4 * steps, kSymbols, g); });
  return {fixed, selective, induction};
}

struct Answers {
  Numbers accuracies = {};  // of each test
  Index parameters = 0;
};

Answers answers(const Size& size, const std::string& kind, const Question& question,
                std::uint64_t seed) {
  const lab::AnyModel model = lab::any_model({.kind = kind,
                                              .ids = question.ids,
                                              .outputs = kSymbols,
                                              .parameters = size.parameters,
                                              .seed = seed});
  lab::learn(model.parameters, model.outputs, question.training,
             {.steps = size.training,
              .rate = 5e-3,
              .seed = seed,
              .label = fmt::format("{} {}", question.name, kind),
              .enough = [&](Index) {
                return lab::accuracy(model.outputs, question.training, 4, seed + 1000) >= kEnough;
              }});
  Answers out{.parameters = model.size};
  for (const lab::Task& test : question.tests)
    out.accuracies.push_back(lab::accuracy(model.outputs, test, size.batches, seed + 2000));
  return out;
}

std::string percent(double share) { return fmt::format("{:.0f} %", 100 * share); }

void explain(Experiment& e, const Size& size) {
  e.text(fmt::format(
      "Selective copying: {} ids are at random places among {} steps, the others are blank; at the "
      "end they have to be repeated in order. Fixed places: the same, but the places are the same "
      "in all sequences. Induction: among {} random ids is a special one; when it comes again, the "
      "id that followed it has to be predicted. Tests are also on 4 times as many steps. There are "
      "{} ids, so guessing is right in {}.",
      size.copied, size.steps, size.steps, kSymbols, percent(1. / kSymbols)));
  e.text(fmt::format(
      "Two scans are time-invariant: their coefficients are trained constants, not functions of "
      "the input. LRU (Orvieto et al. 2023) has complex states; mamba-constant is Mamba with a "
      "constant step size, B and C. All models have about {} parameters and at most {} training "
      "steps of {} sequences with a rate of 0.005, fewer if they are right in {}. Gu and Dao 2023 "
      "copied 16 of 4096 steps and did not measure LSTM, GRU and minGRU.",
      size.parameters, size.training, kBatch, percent(kEnough)));
}

using Means = std::map<std::string, std::map<std::string, double>>;  // figure, model

void conclude(Experiment& e, const std::vector<std::string>& kinds, Means means) {
  auto& selective = means["accuracy"];
  std::vector<std::string> solve, fail;
  for (const std::string& kind : kinds)
    (selective[kind] >= kSolved ? solve : fail)
        .push_back(fmt::format("{} {}", kind, percent(selective[kind])));
  e.conclude(fmt::format("Selective copying is solved (at least {}) by: {}. Not by: {}.",
                         percent(kSolved), lab::listed(solve), lab::listed(fail)));
  const double with = selective[kSelective], without = selective[kLru],
               control = means["fixed"][kLru];
  e.conclude(fmt::format(
      "The scan with selection (mamba) is right in {}, the time-invariant one (lru) in {}; from "
      "fixed places the latter is right in {}. {}",
      percent(with), percent(without), percent(control),
      with < kSolved || with - without < 0.1 ? "So the claim is not confirmed here."
      : control - without >= 0.1             ? "So it lacks selection."
                                             : "So selection is not all that it lacks."));
  if (selective.count(kConstant) > 0)
    e.conclude(fmt::format(
        "With Mamba's blocks around it, which have a gate that depends on the input, a "
        "time-invariant scan (mamba-constant) is right in {} of the copies and {} of the "
        "inductions, but in {} of those that are 4 times as long (mamba: {} and {}).",
        percent(selective[kConstant]), percent(means["induction"][kConstant]),
        percent(means["induction_longer"][kConstant]), percent(means["induction"][kSelective]),
        percent(means["induction_longer"][kSelective])));
  std::vector<std::string> cells;
  for (const char* kind : {"lstm", "gru"})
    if (selective.count(kind) > 0 && selective[kind] >= with - 0.05) cells.emplace_back(kind);
  e.conclude(fmt::format(
      "Gated cells as good as Mamba, or at most 5 percentage points behind: {}.{}",
      lab::listed(cells), cells.empty() || with < kSolved ? "" : " So gated cells select, too."));
}

void measure(Experiment& e) {
  const Size size = e.choose<Size>({32, 2, 10000, 500, 1, 8}, {64, 4, 10000, 1500, 2, 16},
                                   {256, 16, 20000, 6000, 1, 16});
  const auto kinds = e.choose<std::vector<std::string>>(
      {kSelective, kLru, "gru"}, {kSelective, kConstant, kLru, "mingru", "gru", "lstm"},
      {kSelective, kConstant, kLru, "mingru", "rglru", "gru", "lstm", "rnn", "transformer"});
  explain(e, size);
  lab::Table table{"Accuracy in percent, mean and standard deviation over the seeds",
                   {"model", "parameters", "fixed", "selective", "induction", "4 x as long"},
                   {}};
  lab::Chart chart{
      .title = "Accuracy in each task",
      .x = {.label = "task", .tics = {{0, "fixed places"}, {1, "selective"}, {2, "induction"}}},
      .y = {.label = "accuracy", .low = 0, .high = 1.02},
      .at = {0, 1, 2},
      .series = {}};
  Means means;
  for (const std::string& kind : kinds) {
    std::vector<std::string> row{kind, ""};
    std::vector<Numbers> seeds(static_cast<std::size_t>(size.seeds));
    for (const Question& question : questions(size)) {
      std::vector<std::vector<double>> of(question.tests.size());
      for (Index i = 0; i < size.seeds; ++i) {
        const Answers one = answers(size, kind, question, e.seed(i));
        for (std::size_t t = 0; t < of.size(); ++t) of[t].push_back(one.accuracies[t]);
        seeds[static_cast<std::size_t>(i)].push_back(one.accuracies[0]);
        row[1] = std::to_string(one.parameters);
      }
      for (std::size_t t = 0; t < of.size(); ++t) {
        const double mean = program::mean_and_std(of[t]).mean;
        const std::string figure = question.figure + (t == 0 ? "" : "_longer");
        e.figure(kind + "." + figure, mean);
        means[figure][kind] = mean;
        for (double& share : of[t]) share *= 100;
        row.push_back(lab::with_spread(of[t]));
      }
    }
    table.rows.push_back(row);
    chart.series.push_back(lab::over_seeds(kind, seeds));
  }
  e.chart(chart);
  e.table(table);
  conclude(e, kinds, means);
}

}  // namespace

int main(int argc, char** argv) {
  return lab::run(
      argc, argv,
      {.name = "selective_copying",
       .number = 4,
       .title = "Selective copying and induction",
       .claim = "A scan has to select by its input: Mamba copies ids from random "
                "places and finds what followed an id; a time-invariant scan does not."},
      measure);
}
