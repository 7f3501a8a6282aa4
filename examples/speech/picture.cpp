#include "examples/speech/picture.h"

#include "examples/common/plot.h"
#include "examples/speech/alignment.h"

#include <unroll/autograd/ops.h>

#include <algorithm>
#include <cmath>

namespace speech {
namespace {

using program::Numbers;
using program::Panel;

constexpr const char* kColours[] = {program::kBlue, program::kOrange, program::kGreen,
                                    "#756bb1",      "#a63603",        "#3182bd"};
constexpr Index kBandsPerTic = 8, kStepsPerTic = 10;

std::string colour_of(std::size_t i) { return kColours[i % std::size(kColours)]; }
double second_of(Index step) { return static_cast<double>(step) * kSecondsPerStep; }

// Bands upwards, in kHz; time to the right.
Panel spectrogram(const Frames& frames) {
  std::vector<Numbers> rows(kBands);
  const auto steps = std::ssize(frames) / kStacked;
  for (Index b = 0; b < kBands; ++b)
    for (Index t = 0; t < steps * kStacked; ++t)
      rows[static_cast<std::size_t>(kBands - 1 - b)].push_back(
          frames[static_cast<std::size_t>(t)].mel[static_cast<std::size_t>(b)]);
  Panel panel;
  panel.title = "log-mel spectrogram";
  panel.heat(rows, std::vector<std::string>(kBands), std::vector<std::string>(rows[0].size()));
  panel.x.tics.clear(), panel.y.tics.clear();
  for (Index b = kBandsPerTic / 2; b < kBands; b += kBandsPerTic)
    panel.y.tics.emplace_back(kBands - 1 - b, fmt::format("{:.1f}", middle_of_band(b) / 1000));
  for (Index t = 0; t < steps; t += kStepsPerTic)
    panel.x.tics.emplace_back(t * kStacked, fmt::format("{:.1f}", second_of(t)));
  panel.y.label = "kHz";
  return panel;
}

// One line for each letter of the word, and one for blank; above each the letters of the alignment.
Panel emissions(const Tensor& logits, const std::vector<Index>& symbols, const Letters& letters) {
  const Index steps = logits.size(0), known = logits.size(1);
  const std::vector<double> p = softmax(Var(logits)).value().to_vector<double>();
  Panel panel;
  panel.title = "probability of the letters, and the alignment of the recognised ones";
  panel.x.label = "seconds from the beginning of the segment", panel.y.label = "probability";
  panel.x.low = 0, panel.x.high = second_of(kDelay + steps);
  panel.y.low = 0, panel.y.high = 1.18;
  Numbers at;
  for (Index t = 0; t < steps; ++t) at.push_back(second_of(kDelay + t) + kSecondsPerStep / 2);
  const auto line = [&](Index symbol, const program::Style& style) {
    Numbers ys;
    for (Index t = 0; t < steps; ++t) ys.push_back(p[static_cast<std::size_t>(t * known + symbol)]);
    panel.line(at, ys, style);
  };
  line(kBlank, {.title = "blank", .colour = program::kGrey, .width = 1});
  std::vector<Index> shown;
  for (const Index symbol : symbols) {
    if (std::find(shown.begin(), shown.end(), symbol) != shown.end()) continue;
    line(symbol, {.title = letters.shown(symbol), .colour = colour_of(shown.size()), .width = 2});
    shown.push_back(symbol);
  }
  const std::vector<Index> path = align(logits, symbols);
  for (std::size_t t = 0; t < path.size(); ++t) {
    if (path[t] < 0 || (t > 0 && path[t] == path[t - 1])) continue;
    const Index symbol = symbols[static_cast<std::size_t>(path[t])];
    const auto which =
        static_cast<std::size_t>(std::find(shown.begin(), shown.end(), symbol) - shown.begin());
    panel.vertical(at[t]);
    panel.text(at[t], 1.1, letters.shown(symbol),
               {.colour = colour_of(which), .size = 13, .bold = true});
  }
  return panel;
}

}  // namespace

void draw_word(const std::string& path, const std::string& title, const Frames& frames,
               const Tensor& logits, const std::vector<Index>& symbols, const Letters& letters) {
  if (path.empty()) return;
  program::Figure figure;
  figure.title = title;
  figure.panel_width = 900, figure.panel_height = 300;
  figure.add(spectrogram(frames)).add(emissions(logits, symbols, letters)).draw(path);
}

}  // namespace speech
