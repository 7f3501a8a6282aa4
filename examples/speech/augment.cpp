#include "examples/speech/augment.h"

#include "examples/speech/endpoints.h"

#include <algorithm>
#include <cmath>

namespace speech {
namespace {

constexpr double kSpeed = 0.17, kStretch = 0.2;   // logs of the largest factors
constexpr double kQuietest = -12, kLoudest = 6;   // dB of gain
constexpr double kTilt = 1.5;                     // of log energy from the middle band to the ends
constexpr double kNoise = 0.5;                    // share of recordings with noise
constexpr double kCleanest = 50, kNoisiest = 12;  // dB of signal to noise
constexpr Index kCut = 5 * kHop;                  // samples that may be cut from each end
constexpr Index kBandsMasked = 5, kFramesMasked = 6;  // at most

double between(double low, double high, unroll::Generator& random) {
  return low + (high - low) * random.uniform();
}
double factor_of(double db) { return std::pow(10, db / 20); }

// Every `factor`-th value, in between by mix(value, next, part) with the part of the way from
// one to the next, in [0, 1).
template <class T, class Mix>
std::vector<T> at_speed(const std::vector<T>& values, double factor, const Mix& mix) {
  std::vector<T> out;
  const auto size = static_cast<double>(values.size());
  for (double at = 0; at + 1 < size; at += factor) {
    const auto i = static_cast<std::size_t>(at);
    out.push_back(mix(values[i], values[i + 1], static_cast<float>(at - static_cast<double>(i))));
  }
  return out;
}

// Linear interpolation: faster and higher with a factor above 1.
Samples at_speed(const Samples& samples, double factor) {
  return at_speed(samples, factor,
                  [](float x, float next, float part) { return x + part * (next - x); });
}

// The same for frames: faster, at the same pitch.
Frames at_speed(const Frames& frames, double factor) {
  return at_speed(frames, factor, [](Frame x, const Frame& next, float part) {
    for (std::size_t b = 0; b < x.mel.size(); ++b) x.mel[b] += part * (next.mel[b] - x.mel[b]);
    return x;
  });
}

// Noise `db` below the signal, filtered by a low pass of a random corner.
void add_noise(Samples& samples, double db, unroll::Generator& random) {
  double square = 0;
  for (const float x : samples) square += static_cast<double>(x) * static_cast<double>(x);
  const double level = std::sqrt(square / static_cast<double>(samples.size())) * factor_of(-db);
  const double past = between(0, 0.95, random);
  const auto a = static_cast<float>(past);
  // sqrt(1 - a^2): so that the filter keeps the variance.
  const auto scale = static_cast<float>(level * std::sqrt(1 - past * past));
  const std::vector<float> white = random.normal({std::ssize(samples)}).to_vector<float>();
  float last = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    last = a * last + scale * white[i];
    samples[i] += last;
  }
}

}  // namespace

Samples varied(const Samples& samples, unroll::Generator& random) {
  Samples out = at_speed(samples, std::exp(between(-kSpeed, kSpeed, random)));
  const auto gain = static_cast<float>(factor_of(between(kQuietest, kLoudest, random)));
  for (float& x : out) x *= gain;
  if (!out.empty() && random.uniform() < kNoise)
    add_noise(out, between(kNoisiest, kCleanest, random), random);
  // Segments have 150 ms before the speech and 250 ms after it.
  const Index first = random.below(kCut), last = random.below(kCut);
  if (std::ssize(out) - first - last > kWindow + kBefore * kHop)
    out = Samples(out.begin() + first, out.end() - last);
  return out;
}

namespace {

// The weights of a tilt and a bend, each up to kTilt at the ends.
void tilt(Frames& frames, unroll::Generator& random) {
  const double slope = between(-kTilt, kTilt, random), bend = between(-kTilt, kTilt, random) / 2;
  std::array<float, kBands> add{};
  for (std::size_t b = 0; b < add.size(); ++b) {
    const double x = 2 * static_cast<double>(b) / static_cast<double>(kBands - 1) - 1;  // [-1, 1]
    add[b] = static_cast<float>(slope * x + bend * (2 * x * x - 1));
  }
  for (Frame& frame : frames)
    for (std::size_t b = 0; b < add.size(); ++b)
      frame.mel[b] = std::max(silent_mel(), frame.mel[b] + add[b]);
}

void mask(Frames& frames, std::span<const float> mean, unroll::Generator& random) {
  const auto bands = static_cast<std::size_t>(random.below(kBandsMasked + 1)),
             band = static_cast<std::size_t>(random.below(kBands - kBandsMasked));
  const Index count = random.below(std::min(kFramesMasked, std::ssize(frames) / 10) + 1),
              begin = random.below(std::max<Index>(1, std::ssize(frames) - count));
  for (Index t = 0; t < std::ssize(frames); ++t) {
    auto& mel = frames[static_cast<std::size_t>(t)].mel;
    const bool all = t >= begin && t < begin + count;
    for (std::size_t b = 0; b < mel.size(); ++b)
      if (all || (b >= band && b < band + bands)) mel[b] = mean[b];
  }
}

}  // namespace

Frames varied(const Frames& frames, std::span<const float> mean, unroll::Generator& random) {
  Frames out = at_speed(frames, std::exp(between(-kStretch, kStretch, random)));
  tilt(out, random);
  mask(out, mean, random);
  return out;
}

}  // namespace speech
