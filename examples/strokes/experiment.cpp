#include "examples/strokes/experiment.h"

#include "examples/common/terminal.h"
#include "examples/strokes/drawings.h"
#include "examples/strokes/fit.h"
#include "examples/strokes/identity.h"
#include "examples/strokes/picture.h"
#include "examples/strokes/report.h"
#include "examples/strokes/scans.h"

#include <unroll/tensor/error.h>

#include <algorithm>
#include <optional>

namespace strokes {
namespace {

// How a task is trained by default; chosen on the validation parts.
struct Recipe {
  Index hidden, epochs, patience, per_epoch;
  double rate, decay;
};
Recipe recipe_of(Reading reading) {
  switch (reading) {
    case Reading::rows:
      return {96, 40, 10, 0, 4e-3, 0.93};
    case Reading::pixels:
      return {64, 30, 10, 2000, 4e-3, 0.93};
    default:
      return {48, 40, 10, 0, 4e-3, 0.95};
  }
}

// The data of all tasks, read before any of them is trained.
struct Data {
  std::optional<DrawingParts> drawings;
  std::optional<ScanParts> scans;
};

std::vector<Reading> readings_of(const Choice& choice, const program::Options& o) {
  std::vector<Reading> out;
  for (const std::string& name : choice.tasks)
    if (const Reading r = reading_of(name); std::find(out.begin(), out.end(), r) == out.end())
      out.push_back(r);
  if (!out.empty()) return out;
  // A file of drawings or of images says which tasks are meant.
  const bool drawings = !o.data.empty(), scans = o.given("--images");
  if (scans || !drawings) out = {Reading::rows};
  if (drawings || !scans)
    out.insert(out.end(),
               {Reading::strokes, Reading::image, Reading::shuffled, Reading::shuffled_strokes});
  return out;
}

Data read_data(const std::vector<Reading>& readings, const Choice& choice,
               const program::Options& o) {
  Data out;
  const bool draws = std::any_of(readings.begin(), readings.end(), reads_drawings),
             scans = !std::all_of(readings.begin(), readings.end(), reads_drawings);
  if (!draws)
    o.refuse({"--data", "--fonts", "--alphabet", "--copies"}, "a task that reads drawings",
             "--task rows or pixels");
  if (!scans)
    o.refuse({"--images", "--images-per-epoch"}, "--task rows or pixels",
             "tasks that read drawings");
  unroll::check(o.test.empty() || draws != scans,
                "--test: tasks that read the same kind of file were required: got drawings and "
                "scanned images (add --task)");
  if (!o.data.empty())
    o.refuse({"--fonts", "--alphabet", "--copies"}, "synthetic drawings", "--data");
  if (draws)
    out.drawings = drawing_parts({.fonts = choice.fonts,
                                  .alphabet = choice.alphabet,
                                  .data = o.data,
                                  .test = o.test,
                                  .copies = choice.copies},
                                 o.seed);
  if (scans) out.scans = scan_parts(choice.images, o.test);
  return out;
}

Task task_of(const Data& data, Reading reading, const Choice& choice, const program::Options& o) {
  if (reads_drawings(reading)) return task_of(*data.drawings, reading, o.seed);
  const Index each = choice.per_epoch > 0 ? choice.per_epoch : recipe_of(reading).per_epoch;
  return task_of(*data.scans, reading, each);
}

Identity identity_of(const Data& data, const Task& task, const Choice& choice) {
  const Recipe recipe = recipe_of(task.reading);
  Identity id{.reading = task.reading};
  if (reads_drawings(task.reading)) {
    id.classes = data.drawings->classes;
    id.synthetic = data.drawings->synthetic, id.timed = data.drawings->timed;
  } else {
    id.classes = data.scans->classes;
    id.height = data.scans->train.height, id.width = data.scans->train.width;
  }
  const Index hidden = choice.hidden > 0 ? choice.hidden : recipe.hidden;
  id.options = reader_options(choice.model, task.in, hidden);
  program::choose_size(
      id.options, choice.size, reader_options("lstm", task.in, hidden),
      [&](const program::SequenceOptions& of) {
        return program::count_parameters([&] { return Classifier(of, std::ssize(id.classes)); });
      });
  return id;
}

program::Curves train(Classifier& model, const Task& task, const Choice& choice,
                      const program::Options& o, program::Checkpoint& checkpoint) {
  const Recipe recipe = recipe_of(task.reading);
  return fit(model, task,
             {.label = fmt::format("{}, {}", name_of(task.reading), choice.model),
              .epochs = o.epochs > 0 ? o.epochs : recipe.epochs,
              .patience = recipe.patience,
              .rate = recipe.rate,
              .decay = recipe.decay,
              .seed = o.seed},
             &checkpoint);
}

// Trains (or loads) the model of a task and tests it. The result is incomplete after Ctrl-C.
Result run(const Data& data, Reading reading, const Choice& choice, const program::Options& o,
           Picture& picture, program::Report& report) {
  const Task task = task_of(data, reading, choice, o);
  const Identity id = identity_of(data, task, choice);
  unroll::default_generator() = unroll::Generator(o.seed);
  Classifier model(id.options, std::ssize(id.classes));
  program::load_or_train(
      o, model, metadata_of(id), name_of(reading), report,
      [&](program::Checkpoint& checkpoint) { return train(model, task, choice, o, checkpoint); });
  const std::vector<Index> predicted = predicted_by(probabilities(model, task.test));
  Result out{.reading = reading,
             .model = choice.model,
             .right = right_of(predicted, task.test.labels),
             .nearest = {},
             .groups = task.test.groups,
             .trained_on_synthetic = id.synthetic,
             .synthetic = id.synthetic && o.test.empty()};
  if (program::interrupted()) return out;
  if (reading != Reading::shuffled && reading != Reading::shuffled_strokes)
    out.nearest = right_of(nearest_labels(task.known, task.asked), task.test.labels);
  if (!o.picture.empty())
    picture.add(model, id, task, predicted, data.drawings ? data.drawings->test : Drawings());
  return out;
}

}  // namespace

void train_and_compare(const Choice& choice, const program::Options& o, program::Report& report) {
  const std::vector<Reading> readings = readings_of(choice, o);
  unroll::check(readings.size() == 1 || (o.save.empty() && o.resume.empty()),
                "--save and --resume: one task was required: add --task with one of {}",
                program::shown(reading_names()));
  const Data data = read_data(readings, choice, o);
  if (data.scans) program::print(program::wrapped(data.scans->described));
  if (data.drawings) program::print(program::wrapped(data.drawings->described));
  std::vector<Result> results;
  Picture picture;
  for (const Reading reading : readings) {
    Result result = run(data, reading, choice, o, picture, report);
    if (program::interrupted()) break;
    results.push_back(std::move(result));
  }
  print_results(results, report);
  if (!program::interrupted()) picture.draw(o.picture);
}

}  // namespace strokes
