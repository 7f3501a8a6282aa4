#include "examples/lab/common/published.h"

#include "examples/common/terminal.h"

#include <unroll/tensor/error.h>

#include <fmt/format.h>

#include <algorithm>

namespace lab {
namespace {

const std::vector<PaperTask>& paper_tasks() {
  static const std::vector<PaperTask> all{{"adding",
                                           "The adding problem",
                                           "mean squared error",
                                           {{"rnn", 0.177}, {"lstm", 0.164}, {"gru", 5.3e-5}},
                                           70'000},
                                          {"mnist",
                                           "Sequential MNIST",
                                           "right answers in percent",
                                           {{"rnn", 21.5}, {"lstm", 87.2}, {"gru", 96.2}},
                                           70'000,
                                           true},
                                          {"pmnist",
                                           "Permuted sequential MNIST",
                                           "right answers in percent",
                                           {{"rnn", 25.3}, {"lstm", 85.7}, {"gru", 87.3}},
                                           70'000,
                                           true},
                                          {"jsb",
                                           "JSB chorales",
                                           "negative log likelihood of a step, in nats",
                                           {{"rnn", 8.91}, {"lstm", 8.45}, {"gru", 8.43}},
                                           300'000,
                                           false,
                                           {229, 76, 77}},
                                          {"nottingham",
                                           "Nottingham",
                                           "negative log likelihood of a step, in nats",
                                           {{"rnn", 4.05}, {"lstm", 3.29}, {"gru", 3.46}},
                                           1'000'000,
                                           false,
                                           {694, 173, 170}}};
  return all;
}

}  // namespace

const PaperTask& paper_task(const std::string& name) {
  for (const PaperTask& task : paper_tasks())
    if (task.name == name) return task;
  throw std::invalid_argument(fmt::format("published: a task ({}) was required: got {}",
                                          fmt::join(paper_task_names(), ", "), name));
}

const std::vector<std::string>& paper_task_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out;
    for (const PaperTask& task : paper_tasks()) out.push_back(task.name);
    return out;
  }();
  return names;
}

void report(Experiment& e, const PaperTask& task, const std::vector<Result>& results,
            const std::string& published_form, const std::string& our_form) {
  Table table{fmt::format("{}: {}", task.title, task.measure),
              {"model", "paper, " + published_form, "ours, " + our_form, "parameters"},
              {}};
  for (const Result& result : results) {
    const auto published = task.reported.find(result.model);
    const double mean = program::mean_and_std(result.values).mean;
    table.rows.push_back({result.model,
                          published != task.reported.end() ? number(published->second) : "-",
                          result.values.size() > 1 ? with_spread(result.values) : number(mean),
                          std::to_string(result.parameters)});
    e.figure(fmt::format("{}.{}", result.model, task.name), mean);
  }
  e.table(table);
}

void compare(Experiment& e, const PaperTask& task, const std::vector<Result>& results) {
  std::vector<std::string> models;
  std::map<std::string, double> ours;
  for (const Result& result : results) {
    if (task.reported.count(result.model) == 0) continue;
    models.push_back(result.model);
    ours[result.model] = program::mean_and_std(result.values).mean;
  }
  if (models.size() < 2) return;
  const auto ranking = [&](const std::map<std::string, double>& by) {
    std::vector<std::string> out = models;
    std::stable_sort(out.begin(), out.end(), [&](const std::string& a, const std::string& b) {
      return task.higher_is_better ? by.at(a) > by.at(b) : by.at(a) < by.at(b);
    });
    return out;
  };
  const auto listed = [](const std::vector<std::string>& order,
                         const std::map<std::string, double>& of) {
    std::string out;
    for (const std::string& model : order)
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", model, number(of.at(model)));
    return out;
  };
  const std::vector<std::string> here = ranking(ours), published = ranking(task.reported);
  e.conclude(fmt::format("{}, from best to worst: {} here; {} in the paper. {}", task.title,
                         listed(here, ours), listed(published, task.reported),
                         here == published                   ? "The order is the same."
                         : here.front() == published.front() ? "The best model is the same."
                                                             : "The best models differ."));
}

}  // namespace lab
