// Heart beats in an electrocardiogram: the R peaks, after Pan and Tompkins, "A real-time QRS
// detection algorithm", IEEE Transactions on Biomedical Engineering 32, 1985.
#pragma once

#include <unroll/tensor/types.h>

#include <span>
#include <vector>

namespace unroll::data {

// The sampling frequencies that r_peaks takes, samples per second.
inline constexpr double kMinFrequency = 50, kMaxFrequency = 10'000;

// The samples at which the R peaks of a signal are, ascending. `frequency` is in samples per
// second. The steps are those of the paper: band-pass of about 5 to 15 Hz, derivative, square, mean
// over 150 ms, two adaptive thresholds, a refractory period of 200 ms, rejection of T waves (within
// 360 ms of a beat, flatter than half its slope), and a search back with half the thresholds where
// no beat came for 1.66 times the mean interval. The filters are moving averages, scaled from the
// paper's 200 Hz to `frequency` and centred, since the whole signal is known. A peak is the largest
// deviation of the filtered signal within a beat, so waves that point down are found too. The unit
// of the signal does not matter. Throws std::invalid_argument unless the frequency is in
// [kMinFrequency, kMaxFrequency] and all values are finite.
std::vector<Index> r_peaks(std::span<const double> signal, double frequency);

// The band-passed signal in which r_peaks searches, of the same length.
std::vector<double> qrs_band(std::span<const double> signal, double frequency);

}  // namespace unroll::data
