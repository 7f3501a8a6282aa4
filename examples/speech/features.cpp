#include "examples/speech/features.h"

#include <kiss_fftr.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace speech {
namespace {

constexpr Index kTransform = 512, kBins = kTransform / 2 + 1;  // the window is padded by zeros
constexpr double kLowest = 60, kHighest = 7600;                // Hz
constexpr float kSilence = 3e-4F;  // energy; that of weak fricatives is about 1e-2

double mel_of(double hz) { return 2595 * std::log10(1 + hz / 700); }
double hz_of(double mel) { return 700 * (std::pow(10, mel / 2595) - 1); }
// The corner i of the triangles, i in [0, kBands + 2); band b rises from corner b to b + 1 and
// falls to b + 2.
double corner(Index i) {
  const double low = mel_of(kLowest), high = mel_of(kHighest);
  return hz_of(low + (high - low) * static_cast<double>(i) / static_cast<double>(kBands + 1));
}

struct Band {
  std::size_t first = 0;       // bin
  std::vector<float> weights;  // of the bins from there on
};

std::vector<Band> bands() {
  std::vector<Band> out;
  for (Index b = 0; b < kBands; ++b) {
    const double left = corner(b), middle = corner(b + 1), right = corner(b + 2);
    Band band;
    for (Index bin = 0; bin < kBins; ++bin) {
      const double hz = static_cast<double>(bin) * kRate / static_cast<double>(kTransform),
                   weight =
                       std::min((hz - left) / (middle - left), (right - hz) / (right - middle));
      if (weight <= 0) continue;
      if (band.weights.empty()) band.first = static_cast<std::size_t>(bin);
      band.weights.push_back(static_cast<float>(weight));
    }
    out.push_back(std::move(band));
  }
  return out;
}

std::array<float, kWindow> hann() {
  std::array<float, kWindow> out{};
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<float>(
        0.5 - 0.5 * std::cos(2 * std::numbers::pi * (static_cast<double>(i) + 0.5) /
                             static_cast<double>(kWindow)));
  return out;
}

}  // namespace

float silent_mel() { return std::log(kSilence); }
double middle_of_band(Index b) { return corner(b + 1); }

struct LogMel::Of {
  kiss_fftr_cfg transform = kiss_fftr_alloc(kTransform, 0, nullptr, nullptr);
  Samples pending;  // from the first sample of the next frame on
  std::array<float, kTransform> input{};
  std::array<kiss_fft_cpx, kBins> spectrum{};
  Of() = default;
  Of(const Of&) = delete;
  Of& operator=(const Of&) = delete;
  ~Of() { kiss_fftr_free(transform); }

  Frame frame(const float* samples) {
    static const std::vector<Band> kMel = bands();
    static const std::array<float, kWindow> kHann = hann();
    double square = 0;
    for (std::size_t i = 0; i < kHann.size(); ++i) {
      square += static_cast<double>(samples[i]) * static_cast<double>(samples[i]);
      input[i] = samples[i] * kHann[i];
    }
    kiss_fftr(transform, input.data(), spectrum.data());
    Frame out{};
    for (std::size_t b = 0; b < kMel.size(); ++b) {
      float energy = kSilence;
      for (std::size_t i = 0; i < kMel[b].weights.size(); ++i) {
        const kiss_fft_cpx& z = spectrum[kMel[b].first + i];
        energy += kMel[b].weights[i] * (z.r * z.r + z.i * z.i);
      }
      out.mel[b] = std::log(energy);
    }
    out.level = static_cast<float>(10 * std::log10(square / static_cast<double>(kWindow) + 1e-10));
    return out;
  }
};

LogMel::LogMel() : of_(std::make_unique<Of>()) {}
LogMel::~LogMel() = default;
LogMel::LogMel(LogMel&&) noexcept = default;

void LogMel::push(std::span<const float> samples, Frames& out) {
  Samples& pending = of_->pending;
  pending.insert(pending.end(), samples.begin(), samples.end());
  Index at = 0;
  for (; at + kWindow <= std::ssize(pending); at += kHop)
    out.push_back(of_->frame(&pending[static_cast<std::size_t>(at)]));
  pending.erase(pending.begin(), pending.begin() + at);
}

Frames log_mel(std::span<const float> samples) {
  Frames out;
  LogMel().push(samples, out);
  return out;
}

}  // namespace speech
