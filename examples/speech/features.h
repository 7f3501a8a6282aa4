// Log-mel spectrogram (Davis and Mermelstein 1980; mel scale of O'Shaughnessy 1987): every 10 ms
// the logarithm of the energy in 40 bands of a window of 25 ms. A frame depends only on the samples
// of its window, so the frames of a stream are bit-identical to those of the whole recording.
#pragma once

#include "examples/speech/audio.h"

#include <array>

namespace speech {

inline constexpr Index kWindow = 400, kHop = 160;  // samples: 25 ms and 10 ms
inline constexpr Index kBands = 40;
inline constexpr double kFramesPerSecond = static_cast<double>(kRate) / static_cast<double>(kHop);

struct Frame {
  std::array<float, kBands> mel;  // log(energy + 3e-4)
  float level;                    // dB, of the mean square of the window's samples; at least -100
};
using Frames = std::vector<Frame>;

class LogMel {
 public:
  LogMel();
  ~LogMel();
  LogMel(LogMel&&) noexcept;
  // Appends the frames whose last sample is among these: frame t is that of the samples
  // [t kHop, t kHop + kWindow) since the beginning.
  void push(std::span<const float> samples, Frames& out);

 private:
  struct Of;
  std::unique_ptr<Of> of_;
};

Frames log_mel(std::span<const float> samples);  // of all samples

float silent_mel();  // log(3e-4), the lowest value of a band
// The frequency in Hz at the middle of band b, b in [0, kBands).
double middle_of_band(Index b);

}  // namespace speech
