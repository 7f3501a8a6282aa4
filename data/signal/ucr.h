// Labelled series in the format of the UCR archive (Dau et al. 2019): one series per line, its
// label first.
#pragma once

#include <string>
#include <vector>

namespace unroll::data {

struct LabelledSeries {
  std::string label;           // as in the file; numbers in their shortest form: "1" for "1.0"
  std::vector<double> values;  // at least one, all finite
};

// Reads a file whose fields are separated by tabs, commas or spaces (the first of these that its
// first line contains). Series may have different lengths: empty or NaN fields at the end of a line
// are padding. Empty lines, and lines that begin with '#', '@' or '%', are skipped. Throws
// std::runtime_error with source, line and problem: a field that is not a number, a missing value
// within a series, a line without values, or no series.
std::vector<LabelledSeries> read_ucr(const std::string& path);
std::vector<LabelledSeries> parse_ucr(const std::string& text, const std::string& source = "text");

}  // namespace unroll::data
