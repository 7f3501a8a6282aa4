// Models that answer a question about a text, with or without its order, and their comparison.
#pragma once

#include "examples/lab/common/experiment.h"
#include "examples/lab/common/network.h"

#include <map>

namespace lab {

// What all models learn, and on which texts they are tested.
struct Question {
  Index ids = 0, classes = 0;
  Task training;
  std::vector<Task> tests;
  Index steps = 0, parameters = 0;
  Index batches = 0;  // of each test
};

// The models without order: "bag", the mean of the words' embeddings and a hidden layer, with about
// as many parameters as the networks; and "logistic", logistic regression on the counts of the
// words.
bool without_order(const std::string& model);

struct Answers {
  std::vector<std::vector<double>> accuracies;  // [test][repetition]
  Index parameters = 0;

  // The mean over the tests from `first` to `last`, for each repetition.
  std::vector<double> of_tests(Index first, Index last) const;
};
// Trains a model of any kind, or one without order, so many times, with the experiment's seeds.
Answers answers(const Experiment& e, const std::string& model, const Question& question,
                Index repetitions);

// A line of a chart: the mean of each test, and its range over the repetitions.
Series series(const std::string& name, const Answers& answers);

using Shares = std::map<std::string, double>;  // of right answers, for each model
// The best model of those with, or without, order.
std::string best(const Shares& shares, bool without_order);

double mean(const std::vector<double>& values);
// "41.6 %", and "41.6 ± 0.2": mean and standard deviation of shares, in percent.
std::string percent(double share);
std::string percents(const std::vector<double>& shares);

}  // namespace lab
