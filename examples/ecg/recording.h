// One channel of an electrocardiogram, from any of the files that --data takes.
#pragma once

#include <unroll/tensor/types.h>

#include <string>
#include <vector>

namespace ecg {

using unroll::Index;
using Values = std::vector<double>;

struct Recording {
  std::string path;
  Values values;         // mV, all finite
  double frequency = 0;  // samples per second

  Index size() const { return std::ssize(values); }
  double seconds(Index sample) const { return static_cast<double>(sample) / frequency; }
  Index samples(double seconds) const;  // rounded
};

struct Source {
  std::string path;
  double frequency = 0;  // 0: that of the header, or 360 where there is none
  Index channel = 0;     // from 1; 0: not given, the first
};

// Reads a recording. The name of the file tells its form:
//   NAME.u16le   16-bit unsigned values, little-endian; mV = (value - 1024) / 200, as in MIT-BIH
//   NAME.hea     a WFDB header, with its signal files beside it; also the name without .hea
//   other        text, one number in mV per line, compressed by gzip or not
// Throws std::runtime_error if it is empty, cut short, has a value that is missing or not finite,
// has no such channel or another frequency; std::invalid_argument unless data::r_peaks takes the
// frequency.
Recording read_recording(const Source& source);

// Whether the path is that of a WFDB record: its header, or its name without ".hea".
bool is_wfdb(const std::string& path);

}  // namespace ecg
