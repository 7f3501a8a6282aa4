#include "examples/strokes/picture.h"

#include "examples/common/picture_text.h"
#include "examples/strokes/fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace strokes {
namespace {

constexpr std::size_t kCurves = 3;  // classes whose probabilities are drawn
constexpr Index kMaxPrefixes = 120;

// From blue at the beginning to orange at the end.
std::string colour_at(double share) {
  const auto mix = [&](int from, int to) {
    return static_cast<int>(std::lround(from + share * (to - from)));
  };
  return fmt::format("#{:02x}{:02x}{:02x}", mix(0x08, 0xe6), mix(0x30, 0x55), mix(0x6b, 0x0d));
}

program::Panel path_panel(const Drawing& drawing) {
  constexpr Index kPoints = 40;  // of each stroke
  program::Panel panel;
  const Drawing d = normalised(drawing);
  const double all = ink_length(d);
  double done = 0;
  for (const Stroke& stroke : d.strokes) {
    const Stroke points = resampled(stroke, kPoints);
    const double length = ink_length(stroke);
    for (std::size_t i = 1; i < points.size(); ++i)
      panel.line(
          {points[i - 1].x, points[i].x}, {points[i - 1].y, points[i].y},
          {.colour = colour_at(
               (done + length * static_cast<double>(i) / static_cast<double>(kPoints)) / all),
           .width = 4});
    done += length;
    panel.points({points[0].x}, {points[0].y}, {.colour = program::kGreen, .size = 1.2});
  }
  panel.x.low = -1, panel.x.high = 1, panel.y.low = -0.6, panel.y.high = 0.6;
  panel.x.format = panel.y.format = "";
  return panel;
}

program::Panel image_panel(const unroll::Tensor& image) {
  std::vector<program::Numbers> rows;
  for (Index y = 0; y < image.size(0); ++y) {
    program::Numbers row;
    for (Index x = 0; x < image.size(1); ++x) row.push_back(image.at({y, x}));
    rows.push_back(row);
  }
  return program::Panel().heat(rows, std::vector<std::string>(rows.size()),
                               std::vector<std::string>(rows[0].size()));
}

program::Panel curves_panel(const std::vector<std::vector<double>>& p,
                            const std::vector<std::string>& classes, const std::string& steps) {
  std::vector<std::size_t> order(classes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto highest = [&](std::size_t c) {
    double out = p.back()[c];  // the last one counts most
    for (const auto& row : p) out = std::max(out, 0.9 * row[c]);
    return out;
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return highest(a) > highest(b); });
  const char* colours[] = {program::kBlue, program::kOrange, program::kGrey};
  program::Panel panel;
  for (std::size_t k = 0; k < std::min(kCurves, order.size()); ++k) {
    program::Numbers at, value;
    for (std::size_t t = 0; t < p.size(); ++t)
      at.push_back(static_cast<double>(t + 1)), value.push_back(p[t][order[k]]);
    panel.line(at, value, {.colour = colours[k], .width = 2});
    const auto peak = std::max_element(value.begin(), value.end()) - value.begin();
    panel.text(static_cast<double>(peak + 1), value[static_cast<std::size_t>(peak)] + 0.06,
               program::drawable(classes[order[k]], fmt::format("class {}", order[k] + 1)),
               {.colour = colours[k], .bold = true});
  }
  panel.x.label = steps, panel.y.label = "probability";
  panel.y.low = 0, panel.y.high = 1.15;
  return panel;
}

}  // namespace

std::vector<std::vector<double>> as_it_reads(const Classifier& model, const unroll::Tensor& steps) {
  Part beginnings;
  for (Index t = 1; t <= std::min(steps.size(0), kMaxPrefixes); ++t)
    beginnings.steps.push_back(steps.narrow(0, 0, t));
  return probabilities(model, beginnings);
}

void Picture::add(const Classifier& model, const Identity& id, const Task& task,
                  const std::vector<Index>& predicted, const Drawings& test) {
  const bool path = id.reading == Reading::strokes;
  if (!path && id.reading != Reading::image && id.reading != Reading::rows) return;
  // The first test example that is recognised; the same drawing for strokes and image.
  Index at = 0;
  while (at + 1 < task.test.size() &&
         predicted[static_cast<std::size_t>(at)] != task.test.labels[static_cast<std::size_t>(at)])
    ++at;
  if (id.reading != Reading::rows) shown_ = at = shown_ >= 0 ? shown_ : at;
  const auto i = static_cast<std::size_t>(at);
  const std::string label =
      program::drawable(id.classes[static_cast<std::size_t>(task.test.labels[i])], "this class");
  program::Panel shown = path ? path_panel(test[i]) : image_panel(task.test.steps[i]);
  const char* what = path                           ? "the path of the pen"
                     : id.reading == Reading::image ? "the same as an image"
                                                    : "a scanned image";
  const bool synthetic = id.reading != Reading::rows && !test[i].glyph.empty();
  shown.title = fmt::format("{}{}: {}", what, synthetic ? ", synthetic" : "", label);
  program::Panel curves = curves_panel(as_it_reads(model, task.test.steps[i]), id.classes,
                                       path ? "steps of the pen read" : "rows read");
  curves.title = "what the model says";
  panels_.push_back(shown), panels_.push_back(curves);
}

void Picture::draw(const std::string& path) const {
  if (panels_.empty() || path.empty()) return;
  program::Figure figure;
  figure.title = "What is it? The model's probabilities while it reads";
  figure.columns = 2, figure.panel_width = 440, figure.panel_height = 330;
  for (const program::Panel& panel : panels_) figure.add(panel);
  figure.draw(path);
}

}  // namespace strokes
