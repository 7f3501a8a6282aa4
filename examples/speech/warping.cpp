#include "examples/speech/warping.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace speech {
namespace {

float distance(const std::array<float, kBands>& a, const std::array<float, kBands>& b) {
  float sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(sum);
}

}  // namespace

Track track_of(const Samples& samples) {
  const Frames frames = log_mel(samples);
  Track out;
  std::array<float, kBands> mean{};
  for (std::size_t t = 0; t + 1 < frames.size(); t += 2) {
    out.emplace_back();
    for (std::size_t b = 0; b < mean.size(); ++b) {
      out.back()[b] = (frames[t].mel[b] + frames[t + 1].mel[b]) / 2;
      mean[b] += out.back()[b];
    }
  }
  for (auto& row : out)
    for (std::size_t b = 0; b < mean.size(); ++b)
      row[b] -= mean[b] / static_cast<float>(out.size());
  return out;
}

double warped_distance(const Track& a, const Track& b, double give_up) {
  constexpr double kFar = INFINITY;
  const Index n = std::ssize(a), m = std::ssize(b);
  const Index width = std::max<Index>({8, std::max(n, m) / 4, std::abs(n - m)});
  const double limit = give_up * static_cast<double>(n + m);
  std::vector<double> last(static_cast<std::size_t>(m) + 1, kFar), now;
  last[0] = 0;
  for (Index i = 1; i <= n; ++i) {
    now.assign(last.size(), kFar);
    const Index middle = i * m / n, first = std::max<Index>(1, middle - width),
                end = std::min(m, middle + width);
    double lowest = kFar;
    for (Index j = first; j <= end; ++j) {
      const auto at = static_cast<std::size_t>(j);
      const double before = std::min({last[at], last[at - 1], now[at - 1]});
      now[at] =
          before + static_cast<double>(distance(a[static_cast<std::size_t>(i - 1)], b[at - 1]));
      lowest = std::min(lowest, now[at]);
    }
    if (lowest > limit) return kFar;
    std::swap(last, now);
  }
  return last.back() <= limit ? last.back() / static_cast<double>(n + m) : kFar;
}

NearestNeighbour::NearestNeighbour(const Words& words) {
  std::map<std::string, std::vector<const Word*>> by_label;
  for (const Word& word : words) by_label[word.label].push_back(&word);
  const std::size_t each = std::max<std::size_t>(1, kTemplates / by_label.size());
  for (const auto& [label, all] : by_label) {
    const std::size_t count = std::min(each, all.size());
    for (std::size_t i = 0; i < count && tracks_.size() < kTemplates; ++i) {
      tracks_.push_back(track_of(all[i * all.size() / count]->samples));
      labels_.push_back(label);
    }
  }
}

std::string NearestNeighbour::operator()(const Word& word) const {
  const Track track = track_of(word.samples);
  double best = INFINITY;
  std::size_t which = 0;
  for (std::size_t i = 0; i < tracks_.size(); ++i) {
    const double d = warped_distance(track, tracks_[i], best);
    if (d < best) best = d, which = i;
  }
  return labels_[which];
}

}  // namespace speech
