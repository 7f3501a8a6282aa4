// --load: a saved model tested on a labelled file, or asked about one without labels.
#include "examples/common/predictions.h"
#include "examples/strokes/drawings.h"
#include "examples/strokes/experiment.h"
#include "examples/strokes/fit.h"
#include "examples/strokes/identity.h"
#include "examples/strokes/read.h"
#include "examples/strokes/report.h"
#include "examples/strokes/scans.h"

#include <unroll/tensor/error.h>

namespace strokes {
namespace {

// The examples of a file, with their classes if `labelled`.
Part read_part(const Identity& id, const std::string& path, bool labelled, std::uint64_t seed) {
  if (reads_drawings(id.reading)) {
    const Drawings drawings = read_drawings(path);
    if (labelled) check_labels(drawings, path);
    unroll::Generator random(seed);
    return part_of(drawings,
                   labelled ? label_ids(drawings, id.classes, path) : std::vector<Index>(),
                   id.reading, id.timed, random);
  }
  const std::string labels = labelled ? program::labels_beside(path) : "";
  const program::Images images =
      labelled ? program::read_images(path, labels) : program::read_images(path);
  unroll::check_io(images.height == id.height && images.width == id.width,
                   "{}: images of {} x {} pixels were required: got {} x {}", path, id.height,
                   id.width, images.height, images.width);
  for (const Index label : images.labels)
    unroll::check_io(label < std::ssize(id.classes),
                     "{}: a label from 0 to {} was required: got {}", labels, id.classes.size() - 1,
                     label);
  return part_of(images, id.reading);
}

}  // namespace

void apply_model(const program::Options& o, program::Report& report) {
  unroll::check(!o.test.empty() || !o.predict.empty(),
                "--load: --test or --predict was required: got neither");
  program::ModelFile file = program::read_model(o.load, kProgram);
  const Identity id = identity_of(file, o.load);
  Classifier model(id.options, std::ssize(id.classes));
  nn::assign(o.load, std::move(file.values), nn::state(model),
             {.layout = nn::WeightLayout::in_out});
  const bool predicts = !o.predict.empty();
  const Part part = read_part(id, predicts ? o.predict : o.test, !predicts, o.seed);
  const program::Probabilities p = probabilities(model, part);
  if (program::interrupted()) return;
  if (!predicts) {
    print_results({{.reading = id.reading,
                    .model = id.options.kind,
                    .right = right_of(predicted_by(p), part.labels),
                    .nearest = {},
                    .groups = part.groups,
                    .trained_on_synthetic = id.synthetic}},
                  report);
    return;
  }
  const bool drawings = reads_drawings(id.reading);
  program::PredictionFile out(o, {drawings ? "drawing" : "image", "class", "probability"});
  for (std::size_t i = 0; i < p.size(); ++i) {
    const auto best = static_cast<std::size_t>(program::best_of(p[i]));
    out.row({std::to_string(i + 1), id.classes[best], fmt::format("{:.4f}", p[i][best])});
  }
  out.end(fmt::format("{} {} by {}{}", p.size(), drawings ? "drawings" : "images", id.options.kind,
                      id.synthetic ? ", trained on synthetic drawings" : ""));
}

}  // namespace strokes
