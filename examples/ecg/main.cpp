// Electrocardiograms: forecasts the next sample as a distribution, finds unusual beats, and
// classifies series and beats.
//
// recording.h reads a signal; forecast.h compares forecasts (forecaster.h has the models, cost.h
// what long sequences cost), beats.h scores beats; classify.h trains a classifier of labelled
// series or beats (labelled.h).
#include "examples/common/command_line.h"
#include "examples/common/model_file.h"
#include "examples/ecg/classify.h"
#include "examples/ecg/forecast.h"

#include <unroll/tensor/error.h>

namespace {

// Options that only one of the jobs has.
void check_job(const ecg::Choice& choice, const program::Options& o, bool classifies) {
  if (!classifies) {
    o.refuse({"--seeds", "--class-weights"}, "--ucr or --wfdb", "neither");
    return;
  }
  o.refuse({"--data", "--window", "--checkpoint", "--pictures", "--frequency"},
           "a run that forecasts", "one that classifies");
  if (!choice.ucr.empty()) o.refuse({"--wfdb", "--channel"}, "one kind of file", "--ucr");
}

void run(const ecg::Choice& choice, const program::Options& o, program::Report& report) {
  std::vector<std::string> inputs = choice.ucr;
  for (const std::string& record : choice.wfdb)
    for (const char* end : {"", ".hea", ".dat", ".atr"}) inputs.push_back(record + end);
  o.prepare(inputs);
  if (!o.load.empty()) {
    o.refuse({"--ucr", "--wfdb", "--model", "--hidden", "--layers", "--parameters",
              "--equal-parameters", "--seeds", "--class-weights"},
             "a model to train", "--load");
    program::ModelFile file = program::read_model(o.load, ecg::kProgram);
    if (file.metadata[ecg::kTask] != ecg::kForecast) {
      check_job(choice, o, true);
      return ecg::apply_classifier(choice, o, report);
    }
  }
  check_job(choice, o, choice.classifies());
  program::check_size(choice.size, o);
  if (choice.classifies())
    ecg::classify(choice, o, report);
  else
    ecg::forecast(choice, o, report);
}

}  // namespace

int main(int argc, char** argv) {
  ecg::Choice choice;
  return program::run(
      argc, argv,
      {.name = "ecg",
       .description = "Forecasts an electrocardiogram, finds unusual beats, and classifies series\n"
                      "(--ucr) and beats (--wfdb).",
       .pictures = {"ecg.svg"},
       .takes =
           {.data =
                "A recording: NAME.u16le (raw 16-bit samples of MIT-BIH's ADC), a WFDB header, or "
                "text with a value in mV per line",
            .sample = program::sample("ecg_mitbih208_360hz.u16le"),
            .test = "Another file to test on, of the same form",
            .predict = "A recording whose beats are scored, or series or a record to be "
                       "classified",
            .resume = true,
            .endings = {".hea"}}},
      [&](CLI::App& app) {
        app.add_option("--frequency", choice.frequency,
                       "Sampling frequency of a file that does not state it (default: 360)")
            ->type_name("HZ");
        program::add_number(app, "--channel", choice.channel, 1, 1000,
                            "Channel of a WFDB record, from 1 (default: 1)");
        program::add_number(app, "--window", choice.window, 100, 10'000'000,
                            "Samples per training sequence (default: 12000)");
        program::add_number(app, "--checkpoint", choice.chunk, 1, 10'000'000,
                            "Save the state every N samples only, and recompute the rest in "
                            "backward: less memory (default: save all)");
        program::declare_kind(app, choice.model,
                              {.help = "The network (default: lstm to forecast, gru to classify)"});
        program::add_number(app, "--hidden", choice.hidden, 1, ecg::kMaxHidden,
                            "Hidden units of the network (default: 64)");
        program::declare_layers(app, choice.layers,
                                "2 to classify; to forecast,\n1 for rnn, lstm and gru, 2 for the "
                                "others");
        program::declare_size(app, choice.size, "the default network");
        app.add_option("--ucr", choice.ucr,
                       "Classify series: a labelled file to train on and one to test on, in UCR "
                       "format (label first)")
            ->type_name("FILE")
            ->expected(2);
        app.add_option("--wfdb", choice.wfdb,
                       "Classify the beats of annotated records (NAME.hea, .dat, .atr); of three "
                       "or more, the last fifth are for testing")
            ->type_name("RECORD...")
            ->expected(1, 1000);
        program::add_number(
            app, "--seeds", choice.seeds, 1, 100,
            "Train N networks to classify with (default: 3; 1 with --save or --resume)");
        app.add_option("--class-weights", choice.class_weights,
                       "Weights of the n examples of a class in the loss: none (1), equal (1/n)\n"
                       "or sqrt (1 over the root of n; default)")
            ->check(CLI::IsMember({"none", "sqrt", "equal"}));
      },
      [&](const program::Options& o, program::Report& report) { run(choice, o, report); });
}
