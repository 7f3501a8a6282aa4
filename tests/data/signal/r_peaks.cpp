// R peaks of synthetic electrocardiograms, whose beats are known.
#include "tests/support.h"

#include <unroll/data/signal/r_peaks.h>

#include <cmath>

using namespace unroll;
using namespace unroll::data;

namespace {

struct Heart {
  double frequency = 360, interval = 0.8, irregular = 0.1;  // seconds, and share of it
  double noise = 0.02, wander = 0.3, t_wave = 0.3;          // R is 1
  double seconds = 30, r = 1;
};
struct Recording {
  std::vector<double> values;
  std::vector<double> beats;  // seconds
};

// P, Q, R, S and T as bumps, on a wandering base line.
Recording recording(const Heart& h, Generator& g) {
  Recording out;
  for (double t = 0.7; t < h.seconds - 0.7;
       t += h.interval * (1 + h.irregular * (2 * g.uniform({1}).at({0}) - 1)))
    out.beats.push_back(t);
  const auto count = static_cast<Index>(h.seconds * h.frequency);
  const std::vector<double> noise = g.normal({count}, 0, 1, f64).to_vector<double>();
  for (Index i = 0; i < count; ++i) {
    const double t = static_cast<double>(i) / h.frequency;
    double v = h.noise * noise[i] + h.wander * std::sin(2 * 3.14159265 * 0.25 * t);
    for (double beat : out.beats) {
      const double d = t - beat;
      if (std::abs(d) > 0.6) continue;
      const auto bump = [&](double at, double width, double height) {
        v += height * std::exp(-0.5 * (d - at) * (d - at) / (width * width));
      };
      bump(-0.16, 0.02, 0.12);
      bump(-0.03, 0.008, -0.12 * h.r);
      bump(0, 0.011, h.r);
      bump(0.03, 0.009, -0.2 * h.r);
      bump(0.26, 0.045, h.t_wave);
    }
    out.values.push_back(v);
  }
  return out;
}

// Missed beats and peaks that are no beats. A peak counts within 30 ms of its beat.
std::pair<int, int> errors(const Recording& r, const std::vector<Index>& peaks, double frequency) {
  int missed = 0, wrong = 0;
  const auto near = [&](double beat, Index peak) {
    return std::abs(static_cast<double>(peak) / frequency - beat) < 0.03;
  };
  for (double beat : r.beats) {
    int found = 0;
    for (Index p : peaks) found += near(beat, p);
    missed += found == 0;
  }
  for (Index p : peaks) {
    int of = 0;
    for (double beat : r.beats) of += near(beat, p);
    wrong += of == 0;
  }
  return {missed, wrong};
}

}  // namespace

TEST_CASE("every beat is found once, at any rate, sampling frequency, height and sign") {
  Generator g(1);
  for (double frequency : {100.0, 128.0, 200.0, 250.0, 360.0, 500.0, 1000.0})
    for (double interval : {0.4, 0.6, 0.8, 1.3})
      for (double r : {1.0, -1.0}) {
        const Heart heart{.frequency = frequency, .interval = interval, .r = r};
        const Recording rec = recording(heart, g);
        const auto peaks = r_peaks(rec.values, frequency);
        const auto found = errors(rec, peaks, frequency);
        const int missed = found.first, wrong = found.second;
        CHECK_MESSAGE(missed == 0, missed, " missed at ", frequency, " Hz, interval ", interval);
        CHECK_MESSAGE(wrong == 0, wrong, " wrong at ", frequency, " Hz, interval ", interval);
        CHECK(std::is_sorted(peaks.begin(), peaks.end()));
      }
}

TEST_CASE("noise, a wandering base line and high T waves cost few beats") {
  Generator g(2);
  int missed = 0, wrong = 0;
  std::size_t beats = 0;
  for (int round = 0; round < 10; ++round) {
    const Heart heart{.irregular = 0.3, .noise = 0.08, .wander = 1, .t_wave = 0.6};
    const Recording rec = recording(heart, g);
    const auto [m, w] = errors(rec, r_peaks(rec.values, 360), 360);
    missed += m, wrong += w, beats += rec.beats.size();
  }
  CHECK(static_cast<double>(missed) < 0.02 * static_cast<double>(beats));
  CHECK(static_cast<double>(wrong) < 0.02 * static_cast<double>(beats));
}

TEST_CASE("the unit and the zero of the signal do not matter") {
  Generator g(3);
  const Recording rec = recording({}, g);
  const auto peaks = r_peaks(rec.values, 360);
  std::vector<double> other = rec.values;
  for (double& v : other) v = 1024 + 256 * v;
  CHECK(r_peaks(other, 360) == peaks);
}

TEST_CASE("a signal without beats has no peaks, and a short one is no error") {
  CHECK(r_peaks({}, 360).empty());
  CHECK(r_peaks(std::vector<double>{1}, 360).empty());
  CHECK(r_peaks(std::vector<double>(3600, 0.7), 360).empty());
  for (Index n = 2; n < 400; n += 7) (void)r_peaks(random({n}, 5).to_vector<double>(), 360);
}

TEST_CASE("frequencies and values that are no electrocardiogram are refused") {
  const std::vector<double> bad{0, 1, NAN};
  check_refused([&] { (void)r_peaks(bad, 360); },
                "finite values were required: got nan at sample 2");
  check_refused(
      [&] {
        (void)r_peaks(std::vector<double>{1, 2}, 10);
      },
      "a frequency in [50, 10000]");
}
