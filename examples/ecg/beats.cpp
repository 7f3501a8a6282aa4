#include "examples/ecg/beats.h"

#include "examples/common/predictions.h"
#include "examples/common/terminal.h"
#include "examples/ecg/picture.h"

#include <unroll/data/signal/r_peaks.h>

#include <algorithm>
#include <cmath>

namespace ecg {
namespace {

constexpr std::size_t kShown = 10;

std::string interval(double seconds) {
  return seconds > 0 ? fmt::format("{:.2f}", seconds) : std::string("-");
}

double median(Values values) {
  if (values.empty()) return 0;
  std::nth_element(values.begin(), values.begin() + std::ssize(values) / 2, values.end());
  return values[values.size() / 2];
}

}  // namespace

std::vector<Beat> beats_of(const Recording& recording, const Values& nll) {
  const std::vector<Index> peaks = unroll::data::r_peaks(recording.values, recording.frequency);
  std::vector<Beat> out;
  for (std::size_t i = 0; i < peaks.size(); ++i) {
    const Index from = std::max<Index>(0, peaks[i] - recording.samples(kBefore)),
                to = std::min(recording.size(), peaks[i] + recording.samples(kAfter));
    Beat beat{peaks[i]};
    for (Index t = from; t < to; ++t) beat.score += nll[static_cast<std::size_t>(t)];
    beat.score /= static_cast<double>(to - from);
    if (i > 0) beat.rr_before = recording.seconds(peaks[i] - peaks[i - 1]);
    if (i + 1 < peaks.size()) beat.rr_after = recording.seconds(peaks[i + 1] - peaks[i]);
    out.push_back(beat);
  }
  return out;
}

std::vector<Beat> most_unusual(std::vector<Beat> beats, std::size_t most) {
  std::stable_sort(beats.begin(), beats.end(),
                   [](const Beat& a, const Beat& b) { return a.score > b.score; });
  if (beats.size() > most) beats.resize(most);
  return beats;
}

void show_beats(const std::vector<Beat>& beats, const Recording& recording,
                const program::Options& o, program::Report& report) {
  report.add("beats", static_cast<double>(beats.size()));
  if (beats.empty()) {
    program::say("\nNo R peaks were found: there are no beats to compare.\n");
    return;
  }
  Values scores, intervals;
  for (const Beat& beat : beats) {
    scores.push_back(beat.score);
    if (beat.rr_after > 0) intervals.push_back(beat.rr_after);
  }
  const std::vector<Beat> unusual = most_unusual(beats, kShown);
  report.add("score.median", median(scores));
  report.add("score.highest", unusual[0].score);
  program::say(
      "\n{} beats; their median score is {:.3f} nats per sample, the median RR interval {} s.\n"
      "The most unusual ones:\n",
      beats.size(), median(scores), interval(median(intervals)));
  program::Table table({"", "at second", "score", "RR before", "RR after"});
  for (std::size_t i = 0; i < unusual.size(); ++i)
    table.add(fmt::format("{}", i + 1),
              {{fmt::format("{:.2f}", recording.seconds(unusual[i].peak))},
               {fmt::format("{:.3f}", unusual[i].score)},
               {interval(unusual[i].rr_before)},
               {interval(unusual[i].rr_after)}});
  table.print();
  if (!o.picture.empty()) draw(beats, unusual, recording, o.picture);
}

void write_beats(const std::vector<Beat>& beats, const Recording& recording,
                 const std::string& kind, const program::Options& o) {
  program::PredictionFile out(o, {"second", "score"});
  for (const Beat& beat : beats)
    out.row(
        {fmt::format("{:.4f}", recording.seconds(beat.peak)), fmt::format("{:.4f}", beat.score)});
  out.end(fmt::format("{} beats by {}", beats.size(), kind));
}

}  // namespace ecg
