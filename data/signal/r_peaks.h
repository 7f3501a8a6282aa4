// Heart beats in an electrocardiogram: the R peaks, after Pan and Tompkins, "A real-time QRS
// detection algorithm", IEEE Transactions on Biomedical Engineering 32, 1985.
#pragma once

#include <unroll/tensor/types.h>

#include <span>
#include <vector>

namespace unroll::data {

// The samples at which the R peaks of a signal are, ascending. `frequency` is in samples per
// second. The steps are those of the paper: band-pass of about 5 to 15 Hz, derivative, square, sum
// over 150 ms, two adaptive thresholds, 200 ms without a second beat, a look at the slope of what
// comes within 360 ms (a T wave is flatter), and a search back with half the threshold where no
// beat came for 1.66 times the usual interval. Its filters are moving averages, scaled from 200 Hz
// to this frequency and centred, since the whole signal is known; a peak is the largest deviation
// of the filtered signal within a beat, so that waves that point down are found too. The unit of
// the signal does not matter. Throws std::invalid_argument unless the frequency is in [50, 10000]
// and all values are finite.
std::vector<Index> r_peaks(std::span<const double> signal, double frequency);

// The band-passed signal in which the peaks are looked for, of the same length.
std::vector<double> qrs_band(std::span<const double> signal, double frequency);

}  // namespace unroll::data
