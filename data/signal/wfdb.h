// Records of PhysioNet's waveform database (WFDB), such as those of the MIT-BIH arrhythmia
// database. A record has a header (.hea), signals in format 212 or 16 (.dat), and annotations
// (.atr).
//
// The formats: "WFDB Applications Guide", header(5), signal(5) and annot(5), physionet.org.
#pragma once

#include <unroll/tensor/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace unroll::data {

struct WFDBSignal {
  std::string name;            // the description, such as "MLII"; may be empty
  std::string unit;            // "mV" if the header states none
  std::vector<double> values;  // in that unit; NaN where a sample is missing
};
struct WFDBRecord {
  std::string name;
  double frequency = 250;  // samples per second
  std::vector<WFDBSignal> signals;
};
// Reads a record by the path of its header, with or without ".hea"; the signals are in the files
// that it names, beside it. Throws std::runtime_error with file and problem: a header that does not
// follow the format, a record of several segments, another signal format, more than one sample per
// frame, a file that is too short or too long, or a wrong checksum.
WFDBRecord read_wfdb(const std::string& path);

struct Annotation {
  Index sample = 0;    // its position, from 0
  std::string symbol;  // "N" for a normal beat, "V" for a ventricular one, "+" for a rhythm, ..
  std::string text;    // of a rhythm, for example "(AFIB"; often empty
  int channel = 0;     // of the signal
};
// Reads annotations in MIT format, in the order of the file. Throws std::runtime_error with file
// and byte: a truncated file, times that decrease, or an unknown code.
std::vector<Annotation> read_wfdb_annotations(const std::string& path);

// The class of a beat according to ANSI/AAMI EC57: "N" (normal and bundle branch block), "S"
// (supraventricular), "V" (ventricular), "F" (fusion) or "Q" (paced or unclassifiable). Empty for
// annotations that are not beats.
std::string_view aami_class(std::string_view symbol);

}  // namespace unroll::data
