// Labelled series to be classified: files in UCR format, and the beats of WFDB records.
#pragma once

#include "examples/ecg/recording.h"

#include <unroll/tensor/tensor.h>

#include <string>
#include <vector>

namespace ecg {

struct Example {
  Values values;      // [T], of any length; standardised
  Values extra = {};  // [E] further channels, which are the same in all steps
  std::string label;
  Index group = 0;    // the number of its record; 0 for UCR
  double second = 0;  // of the beat in its record

  // Per step: value, difference to the value before, and `extra`; [T, 2 + E].
  unroll::Tensor steps() const;
};
using Examples = std::vector<Example>;

// Series of a file in UCR format, each standardised to mean 0 and variance 1.
Examples read_series(const std::string& path);

// The beats of a record with annotations (NAME.hea, NAME.atr): the label is the AAMI class. A beat
// is the signal from 0.25 s before its annotation to 0.4 s after, averaged to 125 samples per
// second, standardised by mean and variance of the record's. Two more channels: the intervals to
// the beats before and after, as ratios of the record's median interval. Beats at the ends of the
// record and those with missing samples are left out. Throws std::runtime_error if none is left.
Examples read_beats(const std::string& path, Index channel, Index group = 0);
inline constexpr Index kBeatChannels = 2;

std::vector<std::string> aami_classes();  // N, S, V, F, Q

// Distinct labels: numbers in ascending order, then words.
std::vector<std::string> classes_of(const Examples& examples);

// The class of each example. Throws std::runtime_error with the path if a label is not there.
std::vector<Index> ids_of(const Examples& examples, const std::vector<std::string>& classes,
                          const std::string& path);

// Linear interpolation at `size` points from the first value to the last.
Values resampled(const Values& values, Index size);

}  // namespace ecg
