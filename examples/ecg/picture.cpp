#include "examples/ecg/picture.h"

#include "examples/common/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace ecg {
namespace {

using program::Numbers;
using program::Panel;

constexpr Index kMinutes = 5, kColumns = 1000;  // panels at most; and the width of each in pixels

// The samples [begin, end) as a line of at most two points per pixel: of each, min and max in the
// order in which they come.
void add_trace(Panel& panel, const Recording& recording, Index begin, Index end) {
  const Index bin = std::max<Index>(1, (end - begin) / kColumns);
  Numbers xs, ys;
  for (Index at = begin; at < end; at += bin) {
    const auto from = recording.values.begin() + at,
               to = recording.values.begin() + std::min(end, at + bin);
    auto [low, high] = std::minmax_element(from, to);
    if (high < low) std::swap(low, high);
    for (const auto& it : {low, high}) {
      xs.push_back(recording.seconds(it - recording.values.begin()));
      ys.push_back(*it);
    }
  }
  panel.line(xs, ys, {.width = 0.8});
}

// Points at the unusual beats in [begin, end), and their ranks above; those of beats less than two
// seconds apart in one text, in order of time.
void add_marks(Panel& panel, const std::vector<Beat>& unusual, const Recording& recording,
               Index begin, Index end, double height) {
  std::map<double, std::size_t> ranks;  // by second
  Numbers xs, ys;
  for (std::size_t i = 0; i < unusual.size(); ++i) {
    if (unusual[i].peak < begin || unusual[i].peak >= end) continue;
    xs.push_back(recording.seconds(unusual[i].peak));
    ys.push_back(recording.values[static_cast<std::size_t>(unusual[i].peak)]);
    ranks[xs.back()] = i + 1;
  }
  panel.points(xs, ys, {.colour = program::kOrange});
  for (auto at = ranks.begin(); at != ranks.end();) {
    constexpr double kApart = 2;
    const double first = at->first;
    double last = first;
    std::string text;
    for (; at != ranks.end() && at->first - last < kApart; ++at) {
      last = at->first;
      text += fmt::format("{}{}", text.empty() ? "" : ", ", at->second);
    }
    panel.text(std::clamp((first + last) / 2, panel.x.low + 1.5, panel.x.high - 1.5), height, text,
               {.colour = program::kOrange, .size = 12, .bold = true});
  }
}

// The values of a beat, less their median, since the base line wanders; NaN beyond the recording.
Numbers shape_of(const Beat& beat, const Recording& recording) {
  Numbers out;
  for (Index t = beat.peak - recording.samples(kBefore); t < beat.peak + recording.samples(kAfter);
       ++t)
    out.push_back(t >= 0 && t < recording.size() ? recording.values[static_cast<std::size_t>(t)]
                                                 : std::nan(""));
  Numbers there = out;
  std::erase_if(there, [](double v) { return std::isnan(v); });
  const auto middle = there.begin() + std::ssize(there) / 2;
  std::nth_element(there.begin(), middle, there.end());
  for (double& v : out) v -= *middle;
  return out;
}

struct Quartiles {
  Numbers low, middle, high;
};
Quartiles quartiles_of(const std::vector<Beat>& beats, const Recording& recording) {
  std::vector<Numbers> shapes;
  for (const Beat& beat : beats) shapes.push_back(shape_of(beat, recording));
  Quartiles out;
  for (std::size_t i = 0; i < shapes[0].size(); ++i) {
    Numbers column;
    for (const Numbers& shape : shapes)
      if (std::isfinite(shape[i])) column.push_back(shape[i]);
    std::sort(column.begin(), column.end());
    const auto at = [&](double share) {
      return column.empty()
                 ? std::nan("")
                 : column[static_cast<std::size_t>(share * static_cast<double>(column.size() - 1))];
    };
    out.low.push_back(at(0.25)), out.middle.push_back(at(0.5)), out.high.push_back(at(0.75));
  }
  return out;
}

Panel beats_panel(const std::vector<Beat>& beats, const std::vector<Beat>& unusual,
                  const Recording& recording) {
  Panel panel;
  panel.title = fmt::format("the {} most unusual of {} beats", unusual.size(), beats.size());
  panel.x.label = "seconds from the R peak", panel.y.label = "mV, median 0";
  panel.x.low = -kBefore, panel.x.high = kAfter;
  const Quartiles q = quartiles_of(beats, recording);
  Numbers xs;
  for (std::size_t i = 0; i < q.middle.size(); ++i)
    xs.push_back(recording.seconds(static_cast<Index>(i) - recording.samples(kBefore)));
  panel.band(xs, q.low, q.high, {.title = "half of all beats", .colour = program::kLightBlue});
  for (const Beat& beat : unusual)
    panel.line(xs, shape_of(beat, recording),
               {.title = "unusual beat", .colour = program::kOrange, .width = 0.8});
  panel.line(xs, q.middle, {.title = "median beat", .width = 2.5});
  return panel;
}

}  // namespace

void draw(const std::vector<Beat>& beats, const std::vector<Beat>& unusual,
          const Recording& recording, const std::string& path) {
  program::Figure figure;
  figure.title = "Beats that the forecast finds unusual, by rank";
  figure.panel_width = kColumns + 100, figure.panel_height = 215;
  const auto [low, high] = std::minmax_element(recording.values.begin(), recording.values.end());
  const double room = 0.25 * (*high - *low);  // for the ranks
  const Index minute = recording.samples(60);
  for (Index m = 0; m < kMinutes && m * minute < recording.size(); ++m) {
    Panel panel;
    const Index end = std::min(recording.size(), (m + 1) * minute);
    panel.x.low = 60.0 * static_cast<double>(m), panel.x.high = panel.x.low + 60;
    panel.y.low = *low - 0.1 * room, panel.y.high = *high + room;
    panel.y.label = "mV";
    if (m + 1 == kMinutes || end == recording.size()) panel.x.label = "seconds";
    add_trace(panel, recording, m * minute, end);
    add_marks(panel, unusual, recording, m * minute, end, *high + 0.5 * room);
    figure.add(panel);
  }
  figure.add(beats_panel(beats, unusual, recording));
  figure.draw(path);
}

}  // namespace ecg
