#include "examples/ecg/classify.h"

#include "examples/common/model_file.h"
#include "examples/common/terminal.h"
#include "examples/ecg/fit.h"
#include "examples/ecg/neighbour.h"
#include "examples/ecg/parts.h"
#include "examples/ecg/result.h"

#include <unroll/nn/options.h>
#include <unroll/tensor/error.h>

namespace ecg {
namespace {

constexpr Index kHidden = 64, kSeeds = 3;
constexpr const char* kClasses = "classes";  // their names, one per line, in the model's file

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

ClassifierSize size_of(const Choice& choice, const std::vector<std::string>& classes) {
  return {.in = 2 + (choice.ucr.empty() ? kBeatChannels : 0),
          .hidden = choice.hidden > 0 ? choice.hidden : kHidden,
          .classes = std::ssize(classes)};
}

unroll::Metadata identity(const char* task, const ClassifierSize& size,
                          const std::vector<std::string>& classes) {
  unroll::Metadata out = nn::metadata_of(size);
  out["program"] = kProgram;
  out[kTask] = task;
  out[kClasses] = joined(classes);
  return out;
}

// Trains the network of one seed, and returns its probabilities for the test part.
program::Probabilities train_one(const Choice& choice, const program::Options& o,
                                 const Parts& parts, const Part& tested, std::uint64_t seed,
                                 const std::string& name, program::Report& report) {
  const Part train = part_of(parts.train, ids_of(parts.train, parts.classes, "")),
             validation = part_of(parts.validation, ids_of(parts.validation, parts.classes, ""));
  const ClassifierSize size = size_of(choice, parts.classes);
  unroll::default_generator() = unroll::Generator(seed);
  Classifier model(size);
  program::load_or_train(o, model,
                         identity(choice.ucr.empty() ? kBeats : kSeries, size, parts.classes), name,
                         report, [&](program::Checkpoint& checkpoint) {
                           return fit(model, train, validation, size.classes,
                                      {.label = name,
                                       .epochs = o.epochs,
                                       .class_weights = choice.class_weights,
                                       .seed = seed},
                                      checkpoint);
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
                       const std::vector<std::string>& classes, bool beats,
                       const program::Options& o) {
  program::PredictionFile out(o, {beats ? "second" : "series", "label", "class", "probability"});
  for (std::size_t i = 0; i < examples.size(); ++i) {
    if (p[i].empty()) continue;  // interrupted
    const auto best = static_cast<std::size_t>(program::best_of(p[i]));
    out.row({beats ? fmt::format("{:.4f}", examples[i].second) : fmt::format("{}", i + 1),
             examples[i].label, classes[best], fmt::format("{:.4f}", p[i][best])});
  }
  out.end(fmt::format("{} {} by gru", examples.size(), beats ? "beats" : "series"));
}

}  // namespace

void classify(const Choice& choice, const program::Options& o, program::Report& report) {
  const bool one = !o.save.empty() || !o.resume.empty();
  const Index seeds = choice.seeds > 0 ? choice.seeds : one ? 1 : kSeeds;
  program::check_one_model(o, "gru", "", "--seeds", seeds);
  unroll::check(o.resume.empty() || seeds == 1, "--resume: --seeds 1 was required: got {}", seeds);
  Parts parts = read_parts(choice, o, o.seed);
  const std::vector<Index> labels = ids_of(parts.test, parts.classes, parts.test_path);
  const Part tested = part_of(parts.test, labels);
  say_parts(parts);
  const Index classes = std::ssize(parts.classes);
  Results results;
  std::vector<program::Probabilities> all;
  for (Index s = 0; s < seeds; ++s) {
    const std::uint64_t seed = o.seed + static_cast<std::uint64_t>(s);
    if (s > 0) parts = read_parts(choice, o, seed);  // another part of the file validates
    const std::string name = seeds > 1 ? fmt::format("gru.seed{}", seed) : "gru";
    all.push_back(train_one(choice, o, parts, tested, seed, name, report));
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
  const std::vector<std::string> classes = lines_of(file.metadata[kClasses]);
  const auto size = nn::options_in<ClassifierSize>(file.metadata);
  unroll::check_io(size.hidden >= 1 && size.hidden <= kMaxHidden &&
                       size.in == (beats ? 2 + kBeatChannels : 2) &&
                       size.classes == std::ssize(classes),
                   "{}: a model of ecg was required: got one whose sizes do not fit", o.load);
  unroll::check(!o.test.empty() || !o.predict.empty(),
                "--load: --test or --predict was required for a model that classifies: got none");
  Classifier model(size);
  nn::assign(o.load, std::move(file.values), nn::state(model),
             {.layout = nn::WeightLayout::in_out});
  const std::string& path = o.predict.empty() ? o.test : o.predict;
  const Examples examples = beats ? read_beats(path, choice.channel) : read_series(path);
  if (!o.predict.empty()) {
    const Part part = part_of(examples, std::vector<Index>(examples.size(), 0));
    return write_predictions(examples, probabilities(model, part), classes, beats, o);
  }
  const std::vector<Index> labels = ids_of(examples, classes, path);
  const program::Probabilities p = probabilities(model, part_of(examples, labels));
  if (program::interrupted()) return;
  Results results;
  results.together = result_of(predicted_by(p), labels, size.classes);
  results.seeds = {results.together};
  print_results(results, classes, report);
}

}  // namespace ecg
