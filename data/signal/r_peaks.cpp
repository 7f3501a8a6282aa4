#include <unroll/data/signal/r_peaks.h>
#include <unroll/tensor/error.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace unroll::data {
namespace {

using Values = std::vector<double>;

Index samples_of(double seconds, double frequency) {
  return std::max<Index>(1, std::llround(seconds * frequency));
}

// The mean over the 2 half + 1 values around each one; beyond the ends there are fewer.
Values moving_mean(const Values& x, Index half) {
  const Index n = std::ssize(x);
  Values sums(x.size() + 1, 0.0), out(x.size());
  std::partial_sum(x.begin(), x.end(), sums.begin() + 1);
  for (Index i = 0; i < n; ++i) {
    const Index from = std::max<Index>(0, i - half), to = std::min(n, i + half + 1);
    out[i] = (sums[to] - sums[from]) / static_cast<double>(to - from);
  }
  return out;
}

// The derivative of the paper, (-x[-2] - 2 x[-1] + 2 x[1] + x[2]) / 8 with neighbours 5 ms apart.
Values derivative(const Values& x, double frequency) {
  const Index n = std::ssize(x), step = samples_of(0.005, frequency);
  Values out(x.size(), 0.0);
  for (Index i = 2 * step; i + 2 * step < n; ++i)
    out[i] = (x[i + 2 * step] + 2 * x[i + step] - 2 * x[i - step] - x[i - 2 * step]) / 8;
  return out;
}

// Maxima that no larger value within `apart` samples disputes; of a plateau the first.
std::vector<Index> maxima(const Values& x, Index apart) {
  std::vector<Index> out;
  const Index n = std::ssize(x);
  for (Index i = 0; i < n; ++i) {
    if (x[i] <= 0) continue;
    if (!out.empty() && i - out.back() < apart) {
      if (x[i] > x[out.back()]) out.back() = i;
    } else if ((i == 0 || x[i] > x[i - 1]) && (i + 1 == n || x[i] >= x[i + 1])) {
      out.push_back(i);
    }
  }
  return out;
}

// The largest |x| within `reach` samples of i, and where it is.
std::pair<double, Index> deviation_near(const Values& x, Index i, Index reach) {
  const Index from = std::max<Index>(0, i - reach), to = std::min(std::ssize(x), i + reach + 1);
  Index best = from;
  for (Index j = from; j < to; ++j)
    if (std::abs(x[j]) > std::abs(x[best])) best = j;
  return {std::abs(x[best]), best};
}

// Running estimates of what a peak of the signal and of the noise looks like.
struct Levels {
  double signal = 0, noise = 0;
  double threshold() const { return noise + 0.25 * (signal - noise); }
  void learn(double peak, bool is_signal, double rate = 0.125) {
    double& level = is_signal ? signal : noise;
    level += rate * (peak - level);
  }
};

// A candidate: a maximum of the integrated signal.
struct Candidate {
  Index at;           // of the largest deviation in the band
  double integrated;  // height in the integrated signal
  double deviation;   // and in the band
  double slope;       // the largest |derivative| around it
};

// The mean of the last eight intervals.
double usual_interval(const std::vector<Candidate>& beats) {
  if (beats.size() < 3) return 0;
  const std::size_t first = beats.size() > 9 ? beats.size() - 9 : 0;
  return static_cast<double>(beats.back().at - beats[first].at) /
         static_cast<double>(beats.size() - 1 - first);
}

}  // namespace

Values qrs_band(std::span<const double> signal, double frequency) {
  check(frequency >= kMinFrequency && frequency <= kMaxFrequency,
        "r_peaks: a frequency in [{}, {}] samples per second was required: got {}", kMinFrequency,
        kMaxFrequency, frequency);
  Values x(signal.begin(), signal.end());
  for (std::size_t i = 0; i < x.size(); ++i)
    check(std::isfinite(x[i]), "r_peaks: finite values were required: got {} at sample {}", x[i],
          i);
  if (x.empty()) return x;
  // Less its mean, so that nothing is lost to rounding. At 200 Hz the paper's low-pass is a mean of
  // 6 samples, twice; its high-pass subtracts a mean of 32.
  const double mean = std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
  for (double& v : x) v -= mean;
  const Index low = std::llround(0.0125 * frequency), high = std::llround(0.08 * frequency);
  const Values smooth = moving_mean(moving_mean(x, low), low);
  Values out = smooth;
  const Values slow = moving_mean(smooth, high);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] -= slow[i];
  return out;
}

std::vector<Index> r_peaks(std::span<const double> signal, double frequency) {
  const Values band = qrs_band(signal, frequency);
  const Values slopes = derivative(band, frequency);
  Values energy = slopes;
  for (double& v : energy) v *= v;
  energy = moving_mean(energy, samples_of(0.075, frequency));

  std::vector<Candidate> candidates;
  const Index reach = samples_of(0.1, frequency), refractory = samples_of(0.2, frequency);
  for (Index i : maxima(energy, refractory)) {
    const auto [deviation, at] = deviation_near(band, i, reach);
    candidates.push_back({at, energy[i], deviation, deviation_near(slopes, i, reach).first});
  }
  if (candidates.empty()) return {};

  // Learning phase: the first two seconds, as in the paper.
  Levels integrated, filtered;
  for (const Candidate& c : candidates) {
    if (c.at > samples_of(2, frequency) && integrated.signal > 0) break;
    integrated.signal = std::max(integrated.signal, c.integrated);
    filtered.signal = std::max(filtered.signal, c.deviation);
  }
  const Index t_wave = samples_of(0.36, frequency);
  std::vector<Candidate> beats;
  std::vector<Candidate> passed;  // candidates since the last beat that were not one
  const auto accept = [&](const Candidate& c, double rate) {
    integrated.learn(c.integrated, true, rate);
    filtered.learn(c.deviation, true, rate);
    beats.push_back(c);
  };
  for (const Candidate& c : candidates) {
    // Nothing for too long: the largest candidate since then, if half the threshold admits it.
    const double usual = usual_interval(beats);
    while (usual > 0 && static_cast<double>(c.at - beats.back().at) > 1.66 * usual) {
      const auto best = std::max_element(
          passed.begin(), passed.end(),
          [](const Candidate& a, const Candidate& b) { return a.integrated < b.integrated; });
      if (best == passed.end() || best->integrated < integrated.threshold() / 2 ||
          best->deviation < filtered.threshold() / 2)
        break;
      const Candidate found = *best;
      accept(found, 0.25);
      std::erase_if(passed, [&](const Candidate& p) { return p.at < found.at + refractory; });
    }
    bool is_beat = c.integrated >= integrated.threshold() && c.deviation >= filtered.threshold();
    if (is_beat && !beats.empty()) {
      const Index since = c.at - beats.back().at;
      is_beat = since >= refractory && (since >= t_wave || c.slope >= beats.back().slope / 2);
    }
    if (is_beat) {
      accept(c, 0.125);
      passed.clear();
    } else {
      integrated.learn(c.integrated, false);
      filtered.learn(c.deviation, false);
      if (!beats.empty() && c.at - beats.back().at >= refractory) passed.push_back(c);
    }
  }
  std::vector<Index> out;
  for (const Candidate& c : beats) out.push_back(c.at);
  return out;
}

}  // namespace unroll::data
