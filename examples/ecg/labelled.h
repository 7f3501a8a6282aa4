// Labelled series to be classified: files in UCR format, and the beats of WFDB records.
#pragma once

#include "examples/ecg/recording.h"

#include <unroll/nn/options.h>
#include <unroll/tensor/tensor.h>

#include <string>
#include <vector>

namespace ecg {

// What a model reads at each time step: a window of `samples` values; windows begin `stride` apart.
struct Reading {
  Index samples = 8, stride = 1;
  UNROLL_OPTIONS(samples, stride)
};

struct Example {
  Values values;      // [T], of any length; standardised
  Values extra = {};  // [E] further channels, which are the same in all steps
  std::string label = {};
  Index group = 0;    // the number of its record; 0 for UCR
  double second = 0;  // of the beat in its record

  // Per step: its values (after the end, the last one again), and `extra`; [N, samples + E]. The
  // last step is the first one that reaches the end.
  unroll::Tensor steps(const Reading& reading) const;
};
using Examples = std::vector<Example>;

// Series of a file in UCR format, each standardised to mean 0 and variance 1.
Examples read_series(const std::string& path);

// The beats of a record with annotations (NAME.hea, NAME.atr): the label is the AAMI class. A beat
// is the signal from 0.25 s before its annotation to 0.4 s after, averaged to 125 samples per
// second, standardised by the record's mean and variance. Two more channels: the intervals to
// the beats before and after, as ratios of the record's median interval. Beats at the ends of the
// record and those with missing samples are left out. Throws std::runtime_error if none is left.
Examples read_beats(const std::string& path, Index channel, Index group = 0);
inline constexpr Index kBeatChannels = 2;

std::vector<std::string> aami_classes();  // N, S, V, F, Q

// Distinct labels: numbers in ascending order, then words.
std::vector<std::string> classes_of(const Examples& examples);

// The class of each example. Throws std::runtime_error with the path if a label is not among
// `classes`.
std::vector<Index> ids_of(const Examples& examples, const std::vector<std::string>& classes,
                          const std::string& path);

Index median_length(const Examples& examples);

// The value at a time in [0, T - 1], by linear interpolation.
double interpolated(const Values& values, double time);
// Linear interpolation at `size` points from the first value to the last.
Values resampled(const Values& values, Index size);

}  // namespace ecg
