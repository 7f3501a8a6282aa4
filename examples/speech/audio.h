// Sound as samples of one channel at 16 kHz, from WAV files or standard input, read in blocks, so
// that a recording of any length takes little memory.
#pragma once

#include <unroll/tensor/types.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace speech {

using unroll::Index;
using Samples = std::vector<float>;  // in [-1, 1]

inline constexpr int kRate = 16000;  // samples per second, of all Samples
inline constexpr int kLowestRate = 4000, kHighestRate = 192'000;  // of a file

// Converts samples to kRate by libsamplerate. The result does not depend on how they are
// divided among calls of push.
class Resampler {
 public:
  explicit Resampler(int rate);  // from kLowestRate to kHighestRate
  ~Resampler();
  Resampler(Resampler&&) noexcept;
  void push(std::span<const float> samples, Samples& out);
  void end(Samples& out);  // appends the last samples

 private:
  struct Of;
  std::unique_ptr<Of> of_;  // none: the rate is kRate
};

// A recording that is read from its beginning. Two channels are averaged. All functions throw
// std::runtime_error, naming the file, if it cannot be opened, is not a WAV file (or another that
// libsndfile reads), is truncated, has no sample, more than two channels, a rate out of range, or a
// sample that is not finite or far beyond full scale.
class Recording {
 public:
  explicit Recording(const std::string& path);
  // A WAV stream. Its header need not know its length, but must not state 0.
  static Recording standard_input();
  ~Recording();
  Recording(Recording&&) noexcept;
  // Appends about 10 ms to `out`. Returns false at the end. Throws program::Interrupted after
  // Ctrl-C.
  bool read(Samples& out);

 private:
  struct Of;
  explicit Recording(std::unique_ptr<Of> of);
  std::unique_ptr<Of> of_;
};

}  // namespace speech
