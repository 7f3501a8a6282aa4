// Sharing: one U, W and b for all time steps of an RNN against separate ones for each step.
//
// The task is that of Goodfellow, Bengio and Courville 2016, chapter 10 ("I went to Nepal in 2009",
// "In 2009, I went to Nepal"): find what follows a mark, wherever it is.
#include "examples/lab/common/marked.h"
#include "examples/lab/common/plain_rnn.h"
#include "examples/lab/common/questions.h"

#include <fmt/format.h>

#include <map>

namespace {

using lab::Answers;
using lab::Experiment;
using lab::Marked;
using lab::mean;
using lab::percent;
using unroll::Index;

constexpr Index kUnits = 32, kSteps = 16;  // H, and T of the training
constexpr double kEnough = 0.9;

const Marked kAnywhere = Marked::anywhere(kSteps);
// The two networks: what they are called, and how many time steps have parameters.
const std::vector<std::pair<std::string, Index>> kNetworks{{"shared", 1}, {"separate", kSteps}};

lab::PlainRnn network(Index count, std::uint64_t seed) {
  unroll::manual_seed(seed);
  return {Marked::kIds, kUnits, Marked::kSymbols, count};
}
double parameters_of(Index count) {
  return static_cast<double>(
      unroll::nn::parameter_count(unroll::nn::parameters(network(count, 1))));
}

// Trains a network on so many examples, for each seed, and tests it on new texts of each kind.
Answers answers(const Experiment& e, const std::string& name, const Marked& training, Index count,
                const std::vector<Marked>& tests) {
  Answers out{.accuracies = std::vector<std::vector<double>>(tests.size())};
  for (Index r = 0; r < e.choose<Index>(1, 3, 5); ++r) {
    const std::uint64_t seed = e.seed(r);
    const lab::PlainRnn model = network(name == "shared" ? 1 : kSteps, seed);
    const lab::Outputs outputs = [&](const lab::Batch& batch) { return model(batch.ids); };
    lab::learn(unroll::nn::parameters(model), outputs, training.examples(32, count, seed),
               {.steps = e.choose<Index>(3000, 5000, 10000),
                .seed = seed,
                .label = fmt::format("{}, {} examples", name, count)});
    for (std::size_t t = 0; t < tests.size(); ++t)
      out.accuracies[t].push_back(lab::accuracy(outputs, tests[t].fresh(100), 10, 1000 + seed));
  }
  return out;
}

void parameters(Experiment& e) {
  lab::Chart chart{.title = "Number of parameters",
                   .x = {.label = "time steps"},
                   .y = {.label = "parameters", .logarithmic = true},
                   .at = {1, 4, 8, 16, 32, 64, 128},
                   .series = {{"shared", {}}, {"separate", {}}}};
  for (const double steps : chart.at)
    chart.series[0].values.push_back(parameters_of(1)),
        chart.series[1].values.push_back(parameters_of(static_cast<Index>(steps)));
  e.chart(chart);
  for (const auto& [name, count] : kNetworks) e.figure(name + ".parameters", parameters_of(count));
  e.conclude(
      fmt::format("For {} steps the network with separate parameters has {:.0f} of them, the "
                  "one that shares them {:.0f}, as for any other length.",
                  kSteps, parameters_of(kSteps), parameters_of(1)));
}

void data(Experiment& e, const std::vector<Index>& counts) {
  lab::Chart chart{.title = "Accuracy on new texts",
                   .x = {.label = "training examples", .logarithmic = true},
                   .y = {.label = "accuracy", .low = 0, .high = 1},
                   .at = {counts.begin(), counts.end()},
                   .series = {}};
  std::map<std::string, std::string> needed;
  for (const auto& [name, steps] : kNetworks) {
    Answers of;
    for (const Index count : counts) {
      of.accuracies.push_back(answers(e, name, kAnywhere, count, {kAnywhere}).accuracies[0]);
      if (mean(of.accuracies.back()) < kEnough || needed.count(name) > 0) continue;
      needed[name] = std::to_string(count);
      e.figure(name + ".examples_needed", static_cast<double>(count));
    }
    if (needed.count(name) == 0) needed[name] = fmt::format("more than {}", counts.back());
    chart.series.push_back(lab::series(name, of));
  }
  e.chart(chart);
  e.conclude(
      fmt::format("To be right in {:.0f} % of new texts, the network with shared parameters "
                  "needs {} examples, the one with separate parameters {}.",
                  100 * kEnough, needed["shared"], needed["separate"]));
}

void longer(Experiment& e, Index count) {
  e.text(
      fmt::format("Longer texts: the separate network has no parameters for the steps after the "
                  "{}th, so those of its last step are reused. Both networks learned from {} "
                  "examples.",
                  kSteps, count));
  std::vector<Marked> tests;
  lab::Chart chart{.title = fmt::format("Accuracy on longer texts, trained on {} steps", kSteps),
                   .x = {.label = "steps"},
                   .y = {.label = "accuracy", .low = 0, .high = 1},
                   .at = {kSteps, 2 * kSteps, 4 * kSteps, 8 * kSteps},
                   .series = {}};
  for (const double steps : chart.at) tests.push_back(Marked::anywhere(static_cast<Index>(steps)));
  std::map<std::string, double> twice;
  for (const auto& [name, steps] : kNetworks) {
    const Answers of = answers(e, name, kAnywhere, count, tests);
    chart.series.push_back(lab::series(name, of));
    twice[name] = mean(of.accuracies[1]);
    e.figure(name + ".accuracy", mean(of.accuracies[0]));
    e.figure(name + ".accuracy_long", twice[name]);
  }
  e.chart(chart);
  e.conclude(fmt::format(
      "On texts of {} steps, twice those of the training, the shared parameters are right in {}, "
      "the separate ones in {} (chance: {:.0f} %).",
      2 * kSteps, percent(twice["shared"]), percent(twice["separate"]), 100.0 / Marked::kSymbols));
}

// Places of the mark that no training text has: between those of the training, and after them.
void places(Experiment& e, Index count) {
  constexpr Index kHalf = kSteps / 2;
  Marked around = kAnywhere;
  std::erase_if(around.places, [](Index t) { return t == kHalf - 1 || t == kHalf; });
  const Marked between{kSteps, {kHalf - 1, kHalf}}, early{kSteps, Marked::range(0, kHalf - 2)},
      late{kSteps, Marked::range(kHalf, kSteps - 2)};
  lab::Table table{"New places of the mark: right answers in percent",
                   {"parameters", "around", "between", "early", "late"},
                   {}};
  std::map<std::string, double> in_between, later;
  for (const auto& [name, steps] : kNetworks) {
    const auto first = answers(e, name, around, count, {around, between}).accuracies,
               second = answers(e, name, early, count, {early, late}).accuracies;
    table.rows.push_back({name, lab::percents(first[0]), lab::percents(first[1]),
                          lab::percents(second[0]), lab::percents(second[1])});
    in_between[name] = mean(first[1]), later[name] = mean(second[1]);
    e.figure(name + ".accuracy_between", in_between[name]);
    e.figure(name + ".accuracy_later", later[name]);
  }
  e.text(fmt::format(
      "New places of the mark. \"Between\": the training texts have no mark at steps {} and {}, "
      "the new ones have it there (\"around\": at the places of the training). \"Late\": training "
      "texts have the mark in the first half (\"early\"), the new ones in the second.",
      kHalf, kHalf + 1));
  e.table(table);
  const auto holds = [](std::map<std::string, double>& of) {
    return of["shared"] >= kEnough               ? "sharing generalises to new places"
           : of["shared"] > of["separate"] + 0.1 ? "sharing generalises in part"
                                                 : "sharing alone does not generalise";
  };
  e.conclude(fmt::format(
      "A mark between the places of the training: right in {} with shared parameters, in {} with "
      "separate ones; {}.",
      percent(in_between["shared"]), percent(in_between["separate"]), holds(in_between)));
  e.conclude(fmt::format("A mark later than in any training text: right in {} and {}; {}.{}",
                         percent(later["shared"]), percent(later["separate"]), holds(later),
                         later["shared"] >= kEnough
                             ? ""
                             : " The parameters are the same at each step, the state is not: it "
                               "was never trained to wait so long for the mark."));
}

void explain(Experiment& e) {
  e.text(fmt::format(
      "The task: a text of {} random symbols, one of {}, has a mark at a random step. Which symbol "
      "follows the mark? Both networks have {} units and are the same code, in plain ops that the "
      "tape differentiates. \"steps\" has one element (U, W and b) if the parameters are shared, "
      "and one for each time step if they are not. The output is read at the last step only, so "
      "there is one V.",
      kSteps, Marked::kSymbols, kUnits));
  e.code(lab::plain_rnn_source());
}

}  // namespace

int main(int argc, char** argv) {
  return lab::run(
      argc, argv,
      {.name = "sharing",
       .number = 8,
       .title = "Sharing parameters over time",
       .claim = "A recurrent network uses the same parameters at each step. So its size does not "
                "depend on the length, it needs fewer examples, and it can read lengths that it "
                "never saw."},
      [](Experiment& e) {
        const auto counts = e.choose<std::vector<Index>>(
            {400, 1600, 3200}, {200, 400, 800, 1200, 1600, 2400, 3200, 6400},
            {200, 400, 800, 1200, 1600, 2400, 3200, 6400, 12800, 25600});
        explain(e), parameters(e), data(e, counts);
        longer(e, counts.back()), places(e, counts.back());
      });
}
