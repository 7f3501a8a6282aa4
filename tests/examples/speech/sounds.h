// WAV files for tests: any rate, channels and format, and words made of tones, so that no test
// needs a synthesiser.
#pragma once

#include "tests/examples/run_program.h"

#include <unroll/tensor/random.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <numbers>
#include <string>
#include <vector>

using Sound = std::vector<float>;

struct WavFormat {
  int rate = 16000, channels = 1;
  bool is_float = false;
};

// The bytes of a WAV file; the samples of the channels alternate.
inline std::string wav(const Sound& samples, const WavFormat& format = {}) {
  std::string data;
  const auto put = [](std::string& to, auto value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    to.append(bytes, sizeof value);
  };
  for (const float x : samples) {
    if (format.is_float)
      put(data, x);
    else
      put(data, static_cast<std::int16_t>(std::lround(32767 * x)));
  }
  const int width = format.is_float ? 4 : 2;
  std::string out = "RIFF";
  put(out, static_cast<std::uint32_t>(36 + data.size()));
  out += "WAVEfmt ";
  put(out, std::uint32_t{16});
  put(out, static_cast<std::uint16_t>(format.is_float ? 3 : 1));
  put(out, static_cast<std::uint16_t>(format.channels));
  put(out, static_cast<std::uint32_t>(format.rate));
  put(out, static_cast<std::uint32_t>(format.rate) *
               static_cast<std::uint32_t>(format.channels * width));
  put(out, static_cast<std::uint16_t>(format.channels * width));
  put(out, static_cast<std::uint16_t>(8 * width));
  out += "data";
  put(out, static_cast<std::uint32_t>(data.size()));
  return out + data;
}

inline Sound tone(double hz, double seconds, double level = 0.3, int rate = 16000) {
  Sound out;
  for (int t = 0; t < static_cast<int>(seconds * rate); ++t)
    out.push_back(static_cast<float>(level * std::sin(2 * std::numbers::pi * hz * t / rate)));
  return out;
}
inline Sound silence(double seconds, int rate = 16000) {
  return Sound(static_cast<std::size_t>(seconds * rate));
}
inline Sound operator+(Sound a, const Sound& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// A word of a language of tones: each letter from 'a' on is 120 ms at its own frequency, which is
// higher for a speaker of a higher voice.
inline Sound tones(const std::string& word, double voice = 1, int rate = 16000) {
  Sound out = silence(0.1, rate);
  for (const char c : word) out = out + tone(voice * 300 * std::pow(1.7, c - 'a'), 0.12, 0.3, rate);
  return out + silence(0.1, rate);
}

// A folder of such words: four labels by five speakers, three times each.
inline std::string tone_words(const Folder& folder, const std::string& name) {
  std::filesystem::create_directory(folder / name);
  const double voices[] = {0.9, 0.95, 1, 1.05, 1.1};
  for (const std::string label : {"ab", "ba", "cad", "dc"})
    for (int s = 0; s < 5; ++s)
      for (int n = 0; n < 3; ++n)
        folder.write(fmt::format("{}/{}_speaker{}_{}.wav", name, label, s, n),
                     wav(tones(label, voices[s] * (1 + 0.01 * n))));
  return folder / name;
}

// Samples in chunks of random sizes.
template <class Use>
void in_chunks(const Sound& samples, unroll::Generator& random, Use&& use) {
  for (std::size_t at = 0; at < samples.size();) {
    const std::size_t size =
        std::min<std::size_t>(samples.size() - at, static_cast<std::size_t>(random.below(3000)));
    use(std::span<const float>(samples).subspan(at, size));
    at += size;
  }
}

inline bool espeak_is_there() { return std::system("command -v espeak-ng >/dev/null") == 0; }
