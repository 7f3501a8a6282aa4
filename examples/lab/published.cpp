// Published: the results of a paper beside ours.
//
//   published                                      the tasks that need no file, in smaller sizes
//   published --task adding                        in the sizes of the paper
//   published --task jsb --data chorales.json --model gru
#include "examples/lab/common/published.h"
#include "examples/common/command_line.h"
#include "examples/common/sequence_model.h"

#include <unroll/tensor/error.h>

#include <fmt/format.h>

#include <filesystem>

namespace {

struct Choice {
  std::string task, model;
  unroll::Index epochs = 0;
};

bool is_music(const std::string& task) { return task == "jsb" || task == "nottingham"; }

const char* const kFiles =
    "JSB chorales and Nottingham need a file (--task jsb --data FILE): the piano rolls of "
    "Boulanger-Lewandowski et al. 2012 as JSON, {\"train\": [[[60, 64, 67], ...], ...], \"valid\": "
    "..., \"test\": ...}, a list of MIDI notes for each step. The chorales are in this form in the "
    "repository czhuang/JSB-Chorales-dataset on GitHub (jsb-chorales-quarter.json). The authors' "
    "pickles become JSON by:";
const char* const kConversion =
    "python3 -c \"\n"
    "import json, pickle\n"
    "songs = pickle.load(open('Nottingham.pickle', 'rb'), encoding='latin1')\n"
    "json.dump(songs, open('nottingham.json', 'w'), default=int)\"";

void check(const Choice& choice, const program::Options& o) {
  if (!choice.task.empty()) lab::paper_task(choice.task);
  if (choice.task.empty())
    o.refuse({"--data", "--test", "--epochs"}, "a task that uses it (--task)", "none");
  if (choice.task == "adding")
    o.refuse({"--data", "--test"}, "a task that reads files", "--task adding");
  if (is_music(choice.task)) {
    o.refuse({"--test"}, "a task whose file has no test part", "--task " + choice.task);
    unroll::check(!o.data.empty(),
                  "--task {}: --data FILE, piano rolls as JSON, was required: got none; the end of "
                  "the output without --task says where they are found",
                  choice.task);
  }
  unroll::check(o.test.empty() || !o.data.empty(), "--test: --data FILE was required: got none");
}

void reproduce(lab::Experiment& e, const Choice& choice) {
  const program::Options& o = e.options();
  lab::Reproduction how{.as_published = choice.task.empty() ? e.choose(false, false, true)
                                                            : e.choose(false, true, true),
                        .epochs = choice.epochs,
                        .data = o.data,
                        .test = o.test};
  if (!choice.model.empty()) how.models = {choice.model};
  if (choice.task == "adding") return lab::reproduce_adding(e, how);
  if (is_music(choice.task)) return lab::reproduce_music(e, how, choice.task);
  if (!choice.task.empty()) return lab::reproduce_digits(e, how, choice.task);
  lab::reproduce_adding(e, how);
  lab::reproduce_digits(e, how, "mnist");
  e.text(kFiles);
  e.code(kConversion);
}

}  // namespace

int main(int argc, char** argv) {
  Choice choice;
  return lab::run(
      argc, argv,
      {.name = "published",
       .number = 10,
       .title = "Published numbers",
       .claim = "What a paper reports can be measured again: Bai, Kolter and Koltun 2018 compare "
                "RNN, LSTM and GRU on tasks for sequence models.",
       .takes = {.data = "Of mnist: images in IDX format, with the labels\nbeside them; of jsb and "
                         "nottingham: piano rolls as\nJSON",
                 .test = "Of mnist: images to test on",
                 .model = false}},
      [&](lab::Experiment& e) {
        check(choice, e.options());
        reproduce(e, choice);
      },
      [&](CLI::App& app) {
        app.add_option("--task", choice.task,
                       "One task, in the size of the paper: " +
                           fmt::format("{}", fmt::join(lab::paper_task_names(), ", ")) +
                           "\n(default: adding and mnist, smaller)")
            ->type_name("NAME");
        program::declare_kind(app, choice.model,
                              {.help = "One model only (default: rnn, lstm and gru)"});
        program::add_number(app, "--epochs", choice.epochs, 1, 100000,
                            "Epochs of training (default: by the task)");
      });
}
