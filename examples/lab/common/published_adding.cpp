// The adding problem of Bai et al. 2018: T = 600, 50,000 training sequences, batches of 32.
#include "examples/common/terminal.h"
#include "examples/lab/common/published.h"
#include "examples/lab/common/tasks.h"

#include <fmt/format.h>

namespace lab {

void reproduce_adding(Experiment& e, const Reproduction& how) {
  const PaperTask& task = paper_task("adding");
  constexpr Index kBatch = 32, kPaperSteps = 600, kPaperSequences = 50'000;
  const Index steps = how.as_published ? kPaperSteps : e.choose<Index>(10, 100, kPaperSteps),
              parameters =
                  how.as_published ? task.parameters : e.choose<Index>(1000, 5000, task.parameters),
              epochs = how.epochs > 0     ? how.epochs
                       : how.as_published ? 10
                                          : 1,
              sequences =
                  how.as_published ? kPaperSequences : e.choose<Index>(64'000, 80'000, 50'000);
  const double rate = 2e-3;
  const auto batch = [steps](Index count) {
    return [steps, count](unroll::Generator& random) { return adding(count, steps, random); };
  };
  e.text(fmt::format(
      "The adding problem: the sum of the two marked numbers in a sequence of {} (published: {}). "
      "Always predicting 1 has a mean squared error of 0.167. Training is on {} new sequences "
      "(published: {}, seen several times) in batches of {}, with Adam at a peak rate of {}; "
      "testing on 1000. The paper's models have about {} parameters.",
      steps, kPaperSteps, epochs * sequences, kPaperSequences, kBatch, rate, task.parameters));
  std::vector<Result> results;
  for (const std::string& model : how.models) {
    Result result{model, 0, {}};
    for (Index r = 0; r < (how.as_published ? 1 : e.choose<Index>(1, 2, 1)); ++r) {
      const Network network({.reader = {.kind = model},
                             .columns = 2,
                             .outputs = 1,
                             .parameters = parameters,
                             .seed = e.seed(r)});
      learn(network, batch(kBatch),
            {.steps = epochs * sequences / kBatch,
             .rate = rate,
             .seed = e.seed(r),
             .label = model + ", adding"});
      result.parameters = network.parameter_count();
      result.values.push_back(mean_loss(network, batch(100), 10, 1000 + e.seed(r)));
    }
    results.push_back(std::move(result));
  }
  report(e, task, results, fmt::format("T = {}", kPaperSteps), fmt::format("T = {}", steps));
  constexpr double kSolved = 0.01;
  std::vector<std::string> solved, published;
  for (const Result& result : results)
    if (program::mean_and_std(result.values).mean < kSolved) solved.push_back(result.model);
  for (const auto& [model, value] : task.reported)
    if (value < kSolved) published.push_back(model);
  e.conclude(fmt::format(
      "The adding problem over {} steps is solved (error below {}) by {} here; in the paper, over "
      "{} steps, by {}.",
      steps, kSolved, solved.empty() ? "none" : fmt::format("{}", fmt::join(solved, ", ")),
      kPaperSteps, fmt::join(published, ", ")));
}

}  // namespace lab
