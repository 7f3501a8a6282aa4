// Electrocardiograms: forecasts the next sample as a distribution, finds unusual beats, and
// classifies series and beats.
//
// recording.h reads a signal; forecast.h compares forecasts (forecaster.h has the models, cost.h
// what long sequences cost), beats.h scores beats; classify.h trains a classifier of labelled
// series or beats (labelled.h).
#include "examples/common/command_line.h"
#include "examples/common/program.h"
#include "examples/ecg/forecast.h"

int main(int argc, char** argv) {
  ecg::Choice choice;
  return program::run(
      argc, argv,
      {.name = "ecg",
       .description = "Forecasts an electrocardiogram, finds unusual beats, and classifies series\n"
                      "(--ucr) and beats (--wfdb).",
       .pictures = {"ecg.svg"},
       .takes = {.data = "a recording: NAME.u16le (16 bits, as MIT-BIH's ADC), a WFDB header, or "
                         "text with a value in mV per line",
                 .sample = program::sample("ecg_mitbih208_360hz.u16le"),
                 .test = "another file to test on, of the same form",
                 .predict = "a recording whose beats are scored, or series or a record to be "
                            "classified",
                 .resume = true}},
      [&](CLI::App& app) {
        app.add_option("--frequency", choice.frequency,
                       "samples per second of a file that does not say it (default: 360)")
            ->type_name("HZ");
        program::add_number(app, "--channel", choice.channel, 1, 1000,
                            "channel of a WFDB record (default: 1)");
        program::add_number(app, "--window", choice.window, 100, 10'000'000,
                            "samples of a training sequence (default: 12000)");
        program::add_number(app, "--checkpoint", choice.chunk, 1, 10'000'000,
                            "save the state every N samples only, and compute the rest again in "
                            "backward (default: save all)");
        program::add_number(app, "--hidden", choice.hidden, 1, ecg::kMaxHidden,
                            "units of the network (default: 32 to forecast)");
      },
      [&](const program::Options& o, program::Report& report) {
        unroll::check(
            !o.given("--frequency") || (choice.frequency >= 50 && choice.frequency <= 1e4),
            "--frequency: 50 to 10000 samples per second were required: got {}", choice.frequency);
        o.prepare();
        ecg::forecast(choice, o, report);
      });
}
