#include "examples/ecg/classify.h"

#include "examples/common/sequence_size.h"
#include "examples/common/terminal.h"
#include "examples/ecg/fit.h"
#include "examples/ecg/neighbour.h"
#include "examples/ecg/parts.h"
#include "examples/ecg/result.h"

#include <unroll/nn/options.h>
#include <unroll/tensor/error.h>

#include <algorithm>

namespace ecg {
namespace {

constexpr Index kSeeds = 3, kLayers = 2;
constexpr Index kMaxSamples = 4096;  // that are read at one time step
constexpr const char* kKind = "gru";
constexpr const char* kClasses = "classes";  // their names, one per line, in the model's file

std::string kind_of(const Choice& choice) { return choice.model.empty() ? kKind : choice.model; }

// About kSteps time steps for a series of the median length.
Reading reading_of(const Parts& parts) {
  constexpr Index kSteps = 64, kMinSamples = 8, kOverlap = 4;  // steps that read the same value
  Examples known = parts.train;
  known.insert(known.end(), parts.validation.begin(), parts.validation.end());
  const Index stride =
      std::clamp<Index>((median_length(known) + kSteps / 2) / kSteps, 1, kMaxSamples / kOverlap);
  return {.samples = std::max(kMinSamples, kOverlap * stride), .stride = stride};
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += (out.empty() ? "" : "\n") + line;
  return out;
}
std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out(1);
  for (const char c : text) {
    if (c == '\n')
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}

program::SequenceOptions options_of(const Choice& choice, const std::string& kind, Index inputs) {
  constexpr double kDropout = 0.2;
  return {.kind = kind,
          .in = inputs,
          .hidden = choice.hidden,
          .layers = choice.layers > 0 ? choice.layers : kLayers,
          .bidirectional = true,
          .dropout = kDropout};
}

program::SequenceOptions options_of(const Choice& choice, const Reading& reading, Index classes) {
  const Index inputs = reading.samples + (choice.ucr.empty() ? kBeatChannels : 0);
  program::SequenceOptions out = options_of(choice, kind_of(choice), inputs);
  program::choose_size(out, choice.size, options_of(choice, kKind, inputs),
                       [&](const program::SequenceOptions& o) {
                         return program::count_parameters([&] { return Classifier(o, classes); });
                       });
  return out;
}

double weighting_of(const Choice& choice) {
  return choice.class_weights == "none" ? 0 : choice.class_weights == "sqrt" ? 0.5 : 1;
}

struct ModelOptions {
  Reading reading;
  program::SequenceOptions reader;
  UNROLL_OPTIONS(reading, reader)
};

// What identifies the model in its file.
struct Identity {
  const char* task = kSeries;
  std::vector<std::string> classes;
  ModelOptions options;

  unroll::Metadata metadata() const {
    unroll::Metadata out = nn::metadata_of(options);
    out["program"] = kProgram;
    out[kTask] = task;
    out[kClasses] = joined(classes);
    return out;
  }
};

// Trains the network of one seed, and returns its probabilities for the test part.
program::Probabilities train_one(const Identity& identity, const program::Options& o,
                                 const Parts& parts, const Part& tested, const FitOptions& how,
                                 program::Report& report) {
  const auto part = [&](const Examples& examples) {
    return Part{examples, ids_of(examples, parts.classes, ""), identity.options.reading};
  };
  const Part train = part(parts.train), validation = part(parts.validation);
  unroll::default_generator() = unroll::Generator(how.seed);
  Classifier model(identity.options.reader, std::ssize(parts.classes));
  program::load_or_train(
      o, model, identity.metadata(), how.label, report, [&](program::Checkpoint& checkpoint) {
        return fit(model, train, validation, std::ssize(parts.classes), how, checkpoint);
      });
  return probabilities(model, tested);
}

void say_parts(const Parts& parts) {
  program::print(program::wrapped(fmt::format(
      "{} examples of {} classes train, {} validate, {} test. {}", parts.train.size(),
      parts.classes.size(), parts.validation.size(), parts.test.size(), parts.described)));
}

Result nearest_of(const Parts& parts, const std::vector<Index>& labels) {
  Examples known = parts.train;
  known.insert(known.end(), parts.validation.begin(), parts.validation.end());
  const std::vector<Index> known_labels = ids_of(known, parts.classes, "");
  const Nearest nearest = nearest_neighbours(known, parts.test);
  if (nearest.resampled)
    program::say("For the nearest neighbour, all series are resampled to {} values.\n",
                 nearest.length);
  std::vector<Index> predicted;
  for (const Index i : nearest.which)
    predicted.push_back(known_labels[static_cast<std::size_t>(i)]);
  return result_of(predicted, labels, std::ssize(parts.classes));
}

void write_predictions(const Examples& examples, const program::Probabilities& p,
                       const Identity& model, const program::Options& o) {
  const bool beats = model.task == std::string(kBeats);
  program::PredictionFile out(o, {beats ? "second" : "series", "label", "class", "probability"});
  for (std::size_t i = 0; i < examples.size(); ++i) {
    if (p[i].empty()) continue;  // interrupted
    const auto best = static_cast<std::size_t>(program::best_of(p[i]));
    out.row({beats ? fmt::format("{:.4f}", examples[i].second) : fmt::format("{}", i + 1),
             examples[i].label, model.classes[best], fmt::format("{:.4f}", p[i][best])});
  }
  out.end(fmt::format("{} {} by {}", examples.size(), beats ? "beats" : "series",
                      model.options.reader.kind));
}

}  // namespace

void classify(const Choice& choice, const program::Options& o, program::Report& report) {
  const std::string kind = kind_of(choice);
  const bool one = !o.save.empty() || !o.resume.empty();
  const Index seeds = choice.seeds > 0 ? choice.seeds : one ? 1 : kSeeds;
  program::check_one_model(o, kind, "", "--seeds", seeds);
  unroll::check(o.resume.empty() || seeds == 1, "--resume: --seeds 1 was required: got {}", seeds);
  Parts parts = read_parts(choice, o, o.seed);
  const std::vector<Index> labels = ids_of(parts.test, parts.classes, parts.test_path);
  const Index classes = std::ssize(parts.classes);
  const Reading reading = reading_of(parts);
  const Identity identity{.task = choice.ucr.empty() ? kBeats : kSeries,
                          .classes = parts.classes,
                          .options = {reading, options_of(choice, reading, classes)}};
  const Part tested{parts.test, labels, reading};
  say_parts(parts);
  Results results{.network = program::title_of(kind)};
  std::vector<program::Probabilities> all;
  for (Index s = 0; s < seeds; ++s) {
    const std::uint64_t seed = o.seed + static_cast<std::uint64_t>(s);
    if (s > 0) parts = read_parts(choice, o, seed);  // another part of the file validates
    all.push_back(train_one(identity, o, parts, tested,
                            {.label = seeds > 1 ? fmt::format("{}.seed{}", kind, seed) : kind,
                             .epochs = o.epochs,
                             .weighting = weighting_of(choice),
                             .seed = seed},
                            report));
    if (program::interrupted()) return;
    results.seeds.push_back(result_of(predicted_by(all.back()), labels, classes));
  }
  results.together = result_of(predicted_by(mean_of(all)), labels, classes);
  results.nearest = nearest_of(parts, labels);
  print_results(results, parts.classes, report);
}

void apply_classifier(const Choice& choice, const program::Options& o, program::Report& report) {
  program::ModelFile file = program::read_model(o.load, kProgram);
  const bool beats = file.metadata[kTask] == kBeats;
  const Identity identity{.task = beats ? kBeats : kSeries,
                          .classes = lines_of(file.metadata[kClasses]),
                          .options = nn::options_in<ModelOptions>(file.metadata)};
  const auto& [reading, reader] = identity.options;
  unroll::check_io(reading.samples >= 1 && reading.samples <= kMaxSamples && reading.stride >= 1 &&
                       reader.in == reading.samples + (beats ? kBeatChannels : 0),
                   "{}: a model of ecg was required: got one whose sizes do not fit", o.load);
  const Index classes = std::ssize(identity.classes);
  program::check_sizes(o.load, file, reader, static_cast<double>(classes));
  unroll::check(!o.test.empty() || !o.predict.empty(),
                "--load: --test or --predict was required for a model that classifies: got none");
  Classifier model(reader, classes);
  nn::assign(o.load, std::move(file.values), nn::state(model),
             {.layout = nn::WeightLayout::in_out});
  const std::string& path = o.predict.empty() ? o.test : o.predict;
  const Examples examples = beats ? read_beats(path, choice.channel) : read_series(path);
  if (!o.predict.empty()) {
    const Part part{examples, std::vector<Index>(examples.size(), 0), reading};
    return write_predictions(examples, probabilities(model, part), identity, o);
  }
  const std::vector<Index> labels = ids_of(examples, identity.classes, path);
  const program::Probabilities p = probabilities(model, {examples, labels, reading});
  if (program::interrupted()) return;
  Results results{.network = program::title_of(reader.kind)};
  results.together = result_of(predicted_by(p), labels, classes);
  results.seeds = {results.together};
  print_results(results, identity.classes, report);
}

}  // namespace ecg
