#include "examples/ecg/forecast.h"

#include "examples/common/sequence_size.h"
#include "examples/common/terminal.h"
#include "examples/ecg/beats.h"
#include "examples/ecg/cost.h"
#include "examples/ecg/forecaster.h"
#include "examples/ecg/verdict.h"

#include <unroll/data/batches.h>
#include <unroll/nn/options.h>
#include <unroll/optim/schedule.h>
#include <unroll/tensor/error.h>

#include <algorithm>

namespace ecg {
namespace {

constexpr Index kEpochs = 100, kPatience = 15;
constexpr double kDecay = 0.97, kClip = 1;  // the rate's factor for each epoch
constexpr const char* kKind = "lstm";

double rate_of(const std::string& kind) {
  return kind == "mamba" || program::attends(kind) ? 2e-3 : 1e-2;
}

// The windows of a recording in order of time: about two thirds train, one ninth validates, the
// rest tests. The part of a window that is left at the end is not used.
struct Windows {
  Index length = 0, all = 0, train = 0, validation = 0;
  Index test_begin() const { return (train + validation) * length; }
  Index end() const { return all * length; }
};

Windows windows_of(const Recording& recording, Index length) {
  constexpr Index kParts = 9, kTest = 2;
  Windows w{.length = length, .all = recording.size() / length};
  unroll::check_io(w.all >= 3,
                   "{}: at least 3 windows of {} samples (--window), to train, validate and test, "
                   "were required: got {} samples",
                   recording.path, length, recording.size());
  const Index test = std::max<Index>(1, (w.all * kTest + kParts / 2) / kParts);
  w.validation = std::max<Index>(1, w.all / kParts);
  w.train = w.all - test - w.validation;
  return w;
}

program::SequenceOptions options_of(const Choice& choice, const std::string& kind) {
  constexpr Index kSeen = 256;  // samples that a transformer sees
  return {.kind = kind,
          .in = kInputs,
          .hidden = choice.hidden,
          .layers = choice.layers,
          .window = kind == "transformer" ? kSeen : 0};
}

program::SequenceOptions options_of(const Choice& choice) {
  program::SequenceOptions out = options_of(choice, choice.model.empty() ? kKind : choice.model);
  unroll::check(
      out.kind != "linear-attention",
      "--model: a model that can read a recording of any length was required to forecast: "
      "got linear-attention");
  unroll::check(choice.chunk == 0 || !program::attends(out.kind),
                "--checkpoint: a model with a state was required: got {}", out.kind);
  program::choose_size(out, choice.size, options_of(choice, kKind),
                       [](const program::SequenceOptions& o) {
                         return program::count_parameters([&] { return Forecaster(o); });
                       });
  return out;
}

unroll::Metadata identity(const Recording& recording, const program::SequenceOptions& options) {
  unroll::Metadata out = nn::metadata_of(options);
  out["program"] = kProgram;
  out[kTask] = kForecast;
  out["frequency"] = fmt::format("{}", recording.frequency);
  return out;
}

// The model in the file of --load must be for recordings of this frequency.
program::SequenceOptions options_in(const std::string& path, const Recording& recording) {
  program::ModelFile file = program::read_model(path, kProgram);
  unroll::check_io(file.metadata[kTask] == kForecast,
                   "{}: a model that forecasts was required: got one that classifies", path);
  const std::string own = fmt::format("{}", recording.frequency);
  unroll::check_io(file.metadata["frequency"] == own,
                   "{}: {} samples per second, as the model was trained on, were required: got {}",
                   recording.path, unroll::excerpt(file.metadata["frequency"]), own);
  const auto out = nn::options_in<program::SequenceOptions>(file.metadata);
  unroll::check_io(out.in == kInputs && !out.bidirectional,
                   "{}: a model of ecg was required: got one of {} inputs", path, out.in);
  program::check_sizes(path, file, out);
  return out;
}

program::Curves fit(Forecaster& model, const Recording& recording, const Windows& w,
                    const Choice& choice, const program::Options& o,
                    program::Checkpoint& checkpoint) {
  const std::span<const double> values(recording.values);
  const Fitted fitted = fit_baselines(values.first(static_cast<std::size_t>(w.train * w.length)));
  model.fitted.set_value(as_tensor(fitted));
  const Rows rows = rows_of(values, fitted);
  const std::string& kind = model.network.options().kind;
  const double rate = rate_of(kind);
  unroll::optim::Adam adam(nn::parameters(model), {.lr = rate});
  const unroll::optim::StepDecay schedule{rate, w.train, kDecay};
  unroll::Generator random(o.seed);
  const auto loss_of = [&](Index window) {
    return window_loss(model, rows, window * w.length, (window + 1) * w.length, choice.chunk);
  };
  const auto epoch = [&](program::Progress& bar) {
    const auto batches = unroll::data::shuffled_batches(w.train, random, {.size = 1});
    return program::train_epoch(adam, schedule, kClip, batches, bar,
                                [&](const std::vector<Index>& batch) { return loss_of(batch[0]); });
  };
  const auto validate = [&] {
    double sum = 0;
    for (Index i = w.train; i < w.train + w.validation; ++i) sum += loss_of(i).item();
    return sum / static_cast<double>(w.validation);
  };
  return program::train(model,
                        {.label = kind,
                         .epochs = o.epochs > 0 ? o.epochs : kEpochs,
                         .patience = kPatience,
                         .optimizer = &adam,
                         .random = &random,
                         .checkpoint = &checkpoint},
                        epoch, validate);
}

// --predict: the time and score of each beat of another recording.
void predict(const Choice& choice, const program::Options& o) {
  const Recording recording = read_recording(choice.source(o.predict));
  const program::SequenceOptions options = options_in(o.load, recording);
  Forecaster model(options);
  program::load_model(o.load, model, identity(recording, options));
  write_beats(beats_of(recording, score(model, recording.values).network.nll), recording,
              options.kind, o);
}

}  // namespace

void forecast(const Choice& choice, const program::Options& o, program::Report& report) {
  if (!o.predict.empty()) return predict(choice, o);
  const Recording recording = read_recording(choice.source(o.data));
  const Windows w = windows_of(recording, choice.window);
  program::say(
      "{} samples at {:g} Hz, {:.1f} s. Windows of {}: the first {} train, {} validate{}, the last "
      "{} test{}.\n",
      recording.size(), recording.frequency, recording.seconds(recording.size()), w.length, w.train,
      w.validation, w.validation == 1 ? "s" : "", w.all - w.train - w.validation,
      w.all - w.train - w.validation == 1 ? "s" : "");
  unroll::default_generator() = unroll::Generator(o.seed);
  const program::SequenceOptions options =
      o.load.empty() ? options_of(choice) : options_in(o.load, recording);
  Forecaster model(options);
  program::load_or_train(o, model, identity(recording, options), options.kind, report,
                         [&](program::Checkpoint& checkpoint) {
                           return fit(model, recording, w, choice, o, checkpoint);
                         });
  if (program::interrupted()) return;
  const AllScores scores = score(model, recording.values);
  if (o.test.empty()) {
    print_scores(scores, {w.test_begin(), w.end()}, recording.frequency, options.kind, report);
  } else {
    const Recording other = read_recording(choice.source(o.test));
    unroll::check_io(other.frequency == recording.frequency,
                     "{}: {} samples per second, as in {}, were required: got {}", other.path,
                     recording.frequency, recording.path, other.frequency);
    program::say("Forecasts of all samples of {}:\n", other.path);
    print_scores(score(model, other.values), {1, other.size()}, other.frequency, options.kind,
                 report);
  }
  if (program::interrupted()) return;
  print_cost(model, rows_of(recording.values, as_fitted(model.fitted.value())), w.length,
             choice.chunk, report);
  show_beats(beats_of(recording, scores.network.nll), recording, o, report);
}

}  // namespace ecg
