#include "examples/ecg/recording.h"

#include "examples/common/text_file.h"

#include <unroll/data/signal/r_peaks.h>
#include <unroll/data/signal/wfdb.h>
#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>

#include <charconv>
#include <cmath>
#include <filesystem>

namespace ecg {
namespace {

using unroll::check_io;

constexpr double kZero = 1024, kGain = 200;  // of MIT-BIH's ADC: its 0 mV, and units per mV
constexpr double kFrequency = 360;           // of MIT-BIH

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

Values from_raw(const std::string& path) {
  const std::string bytes = unroll::read_file(path);
  check_io(bytes.size() % 2 == 0, "{}: 16-bit values were required: got {} bytes, an odd number",
           path, bytes.size());
  Values out;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    const int low = static_cast<unsigned char>(bytes[i]),
              high = static_cast<unsigned char>(bytes[i + 1]);
    out.push_back((low + 256 * high - kZero) / kGain);
  }
  return out;
}

Values from_text(const std::string& path) {
  const std::string text = program::read_text_file(path).text;
  Values out;
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::size_t first = text.find_first_not_of(" \t\r", at);
    const std::size_t last = text.find_last_not_of(" \t\r\n", end == at ? at : end - 1);
    ++number;
    at = end + 1;
    if (first == std::string::npos || first >= end || text[first] == '#') continue;
    double value = 0;
    const char* stop = text.data() + last + 1;
    const auto [read, error] = std::from_chars(text.data() + first, stop, value);
    check_io(error == std::errc() && read == stop, "{}:{}: one number was required: got \"{}\"",
             path, number, unroll::excerpt(text.substr(first, last + 1 - first)));
    out.push_back(value);
  }
  return out;
}

Recording from_wfdb(const Source& source) {
  unroll::data::WFDBRecord record = unroll::data::read_wfdb(source.path);
  const Index signals = std::ssize(record.signals), channel = std::max<Index>(source.channel, 1);
  check_io(channel <= signals, "{}: a channel from 1 to {} was required: got --channel {}",
           source.path, signals, channel);
  unroll::data::WFDBSignal& signal = record.signals[static_cast<std::size_t>(channel - 1)];
  check_io(source.frequency == 0 || source.frequency == record.frequency,
           "{}: the frequency of its header, {}, was required: got --frequency {}", source.path,
           record.frequency, source.frequency);
  const double scale = signal.unit == "uV" ? 1e-3 : signal.unit == "V" ? 1e3 : 1;
  for (double& value : signal.values) value *= scale;
  return {source.path, std::move(signal.values), record.frequency};
}

}  // namespace

Index Recording::samples(double seconds) const { return std::llround(seconds * frequency); }

bool is_wfdb(const std::string& path) {
  std::error_code error;
  return ends_with(path, ".hea") || std::filesystem::is_regular_file(path + ".hea", error);
}

Recording read_recording(const Source& source) {
  Recording out;
  if (is_wfdb(source.path)) {
    out = from_wfdb(source);
  } else {
    check_io(source.channel <= 1, "{}: a file of one channel was read: got --channel {}",
             source.path, source.channel);
    const bool raw = ends_with(source.path, ".u16le");
    out = {source.path, raw ? from_raw(source.path) : from_text(source.path),
           source.frequency > 0 ? source.frequency : kFrequency};
  }
  constexpr double kMin = unroll::data::kMinFrequency, kMax = unroll::data::kMaxFrequency;
  unroll::check(out.frequency >= kMin && out.frequency <= kMax,
                "{}: {} to {} samples per second were required: got {}", source.path, kMin, kMax,
                out.frequency);
  check_io(!out.values.empty(), "{}: a signal was required: got an empty file", source.path);
  for (std::size_t i = 0; i < out.values.size(); ++i)
    check_io(std::isfinite(out.values[i]),
             "{}: finite values were required: sample {} of {} is missing or not a number",
             source.path, i + 1, out.values.size());
  return out;
}

}  // namespace ecg
