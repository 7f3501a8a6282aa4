// The experiment `published`: results of Bai, Kolter and Koltun 2018, "An Empirical Evaluation of
// Generic Convolutional and Recurrent Networks for Sequence Modeling" (arXiv:1803.01271, table 1),
// beside ours.
#pragma once

#include "examples/lab/common/experiment.h"
#include "examples/lab/common/network.h"

#include <map>

namespace lab {

// A task of the paper.
struct PaperTask {
  std::string name, title;
  std::string measure;                     // such as accuracy
  std::map<std::string, double> reported;  // by model
  Index parameters = 0;                    // of the paper's models, about
  bool higher_is_better = false;
  std::vector<Index> songs = {};  // of music: for training, validation and testing
};
// "adding", "mnist", "pmnist", "jsb" or "nottingham".
const PaperTask& paper_task(const std::string& name);
const std::vector<std::string>& paper_task_names();

// What to reproduce.
struct Reproduction {
  std::vector<std::string> models{"rnn", "lstm", "gru"};
  bool as_published = false;  // in the sizes of the paper; otherwise in smaller ones
  Index epochs = 0;           // 0: a default of the task
  std::string data, test;     // the user's files
};

void reproduce_adding(Experiment& e, const Reproduction& how);
// `task` is "mnist" or "pmnist": pixel by pixel, in a fixed random order in the second.
void reproduce_digits(Experiment& e, const Reproduction& how, const std::string& task);
// `task` is "jsb" or "nottingham"; `how.data` is a file of piano rolls.
void reproduce_music(Experiment& e, const Reproduction& how, const std::string& task);

struct Result {
  std::string model;
  Index parameters = 0;
  std::vector<double> values;  // one for each seed
};
// The results of one task as a table and figures. `published` and `ours` say in which form: "T =
// 600".
void report(Experiment& e, const PaperTask& task, const std::vector<Result>& results,
            const std::string& published, const std::string& ours);
// A sentence about the order of the models that the paper has too, from best to worst.
void compare(Experiment& e, const PaperTask& task, const std::vector<Result>& results);

}  // namespace lab
