// Signals and files for the tests of ecg.
#pragma once

#include "tests/examples/run_program.h"

#include <unroll/tensor/random.h>

#include <cmath>

// A normal value (Box and Muller 1958).
inline double normal(unroll::Generator& g) {
  const double radius = std::sqrt(-2 * std::log(1 - g.uniform()));
  return radius * std::cos(6.283185307179586 * g.uniform());
}

// `count` beats at `rate` samples per second, `apart` seconds from each other, with a little noise
// (mV). Every `other`-th beat is wide and comes early, as a ventricular one does.
struct Heart {
  double rate = 100, apart = 0.8;
  int count = 60, other = 0;
  std::uint64_t seed = 1;
  double noise = 0.02;

  double time_of(int i) const {
    return apart * (i + 0.7) - (is_other(i) ? 0.25 * apart : 0);  // the next one is on time
  }
  bool is_other(int i) const { return other > 0 && i % other == other - 1; }
  std::vector<double> signal() const {
    std::vector<double> x(static_cast<std::size_t>(rate * apart * (count + 1)));
    unroll::Generator g(seed);
    for (double& v : x) v = noise * normal(g);
    for (int i = 0; i < count; ++i)
      for (std::size_t t = 0; t < x.size(); ++t) {
        const double s = static_cast<double>(t) / rate - time_of(i);
        if (std::abs(s) > 0.6) continue;
        const auto bump = [&](double at, double width, double height) {
          return height * std::exp(-0.5 * (s - at) * (s - at) / (width * width));
        };
        x[t] += is_other(i) ? bump(0, 0.05, 1.4) + bump(0.2, 0.07, -0.5)
                            : bump(-0.16, 0.02, 0.12) + bump(0, 0.012, 1) + bump(0.24, 0.04, 0.25);
      }
    return x;
  }
};

inline std::string bytes_of(int value) {
  return {static_cast<char>(value & 0xFF), static_cast<char>(value >> 8 & 0xFF)};
}
inline int adc(double millivolts) { return static_cast<int>(std::lround(1024 + 200 * millivolts)); }
inline std::string u16le(const std::vector<double>& signal) {
  std::string out;
  for (const double v : signal) out += bytes_of(adc(v));
  return out;
}
inline std::string lines(const std::vector<double>& signal) {
  std::string out;
  for (const double v : signal) out += fmt::format("{:.6f}\n", v);
  return out;
}

// Writes NAME.hea, NAME.dat (format 16, two channels: the signal, and minus it) and NAME.atr.
inline std::string write_record(const Folder& folder, const std::string& name, const Heart& heart) {
  const std::vector<double> x = heart.signal();
  std::string dat, atr;
  for (const double v : x) dat += bytes_of(adc(v)) + bytes_of(adc(-v));
  folder.write(name + ".dat", dat);
  folder.write(name + ".hea",
               fmt::format("{0} 2 {1} {2}\n{0}.dat 16 200(1024)/mV 16 1024\n{0}.dat 16 "
                           "200(1024)/mV 16 1024\n",
                           name, heart.rate, x.size()));
  constexpr int kNormal = 1, kVentricular = 5;
  int last = 0;
  for (int i = 0; i < heart.count; ++i) {
    const int at = static_cast<int>(std::lround(heart.time_of(i) * heart.rate));
    atr += bytes_of((heart.is_other(i) ? kVentricular : kNormal) << 10 | (at - last));
    last = at;
  }
  folder.write(name + ".atr", atr + bytes_of(0));
  return folder / name;
}

// Series of two classes in UCR format, "1" and "2", that differ in where their bump is; `ragged`:
// of different lengths, padded by NaN.
inline std::string series(int count, std::uint64_t seed, bool ragged = false,
                          const std::string& second = "2") {
  unroll::Generator g(seed);
  std::string out;
  for (int i = 0; i < count; ++i) {
    const int length = ragged ? 20 + static_cast<int>(g.below(11)) : 30;
    out += i % 2 ? second : "1";
    for (int t = 0; t < 30; ++t) {
      const double at = (t - (i % 2 ? 0.3 : 0.6) * length) / 2;
      out += t < length ? fmt::format("\t{:.4f}", 2 * std::exp(-at * at) + 0.2 * normal(g))
                        : std::string("\tNaN");
    }
    out += "\n";
  }
  return out;
}
