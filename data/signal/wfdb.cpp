#include <unroll/data/signal/wfdb.h>
#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <optional>

namespace unroll::data {
namespace {

// --- the header
// -----------------------------------------------------------------------------------

// A signal as the header describes it.
struct Described {
  std::string file;
  int format = 0;
  Index byte_offset = 0;
  double gain = 200;  // ADC units per physical unit
  double baseline = 0;
  std::optional<Index> checksum;
  WFDBSignal signal{{}, "mV", {}};
};
struct Header {
  WFDBRecord record;
  Index samples = 0;  // 0: as many as the files have
  std::vector<Described> signals;
};

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> out;
  while (!line.empty()) {
    const std::size_t begin = std::min(line.find_first_not_of(" \t"), line.size());
    line.remove_prefix(begin);
    const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
    if (end > 0) out.emplace_back(line.substr(0, end));
    line.remove_prefix(end);
  }
  return out;
}

// The number that a text begins with; what follows it remains in the text.
template <class T>
std::optional<T> leading(std::string_view& text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}
template <class T>
T whole(std::string_view text, const std::string& at, const char* what) {
  const std::string_view given = text;
  const auto value = leading<T>(text);
  check_io(value && text.empty(), "{}: {} was required: got \"{}\"", at, what, excerpt(given));
  return *value;
}

// name number_of_signals [frequency [samples [..]]]
void read_record_line(const std::vector<std::string>& words, const std::string& at, Header& h) {
  check_io(words.size() >= 2,
           "{}: the name of the record and its number of signals were required: got {} words", at,
           words.size());
  check_io(words[0].find('/') == std::string::npos,
           "{}: a record of one segment was required: got \"{}\"", at, excerpt(words[0]));
  h.record.name = words[0];
  const Index count = whole<Index>(words[1], at, "a number of signals");
  check_io(count >= 1 && count <= 1000, "{}: 1 to 1,000 signals were required: got {}", at, count);
  h.signals.resize(static_cast<std::size_t>(count));
  if (words.size() >= 3) {  // frequency[/counter_frequency[(base)]]
    std::string_view text = words[2];
    const auto frequency = leading<double>(text);
    check_io(frequency && (text.empty() || text.front() == '/') && *frequency > 0 &&
                 std::isfinite(*frequency),
             "{}: a sampling frequency above 0 was required: got \"{}\"", at, excerpt(words[2]));
    h.record.frequency = *frequency;
  }
  if (words.size() >= 4) h.samples = whole<Index>(words[3], at, "a number of samples");
  check_io(h.samples >= 0 && h.samples <= (Index{1} << 40),
           "{}: a number of samples of at least 0 was required: got {}", at, h.samples);
}

// file format[xframes][:skew][+offset] [gain[(baseline)][/unit] [resolution [zero [initial
// [checksum [block [description]]]]]]]
Described signal_of(std::string_view line, const std::string& at) {
  const std::vector<std::string> words = words_of(line);
  check_io(words.size() >= 2, "{}: a signal's file and format were required: got \"{}\"", at,
           excerpt(line));
  Described out;
  out.file = words[0];
  check_io(out.file.find('/') == std::string::npos && out.file.find('\\') == std::string::npos,
           "{}: a signal file beside the header was required: got \"{}\"", at, excerpt(out.file));
  std::string_view format = words[1];
  out.format = leading<int>(format).value_or(0);
  check_io(out.format == 212 || out.format == 16,
           "{}: signal format 212 or 16 was required: got \"{}\"", at, excerpt(words[1]));
  if (!format.empty() && format.front() == '+') {
    format.remove_prefix(1);
    out.byte_offset = leading<Index>(format).value_or(-1);
  }
  check_io(format.empty() && out.byte_offset >= 0,
           "{}: one sample per frame, without skew, was required: got the format \"{}\"", at,
           excerpt(words[1]));
  std::optional<double> baseline;
  if (words.size() >= 3) {
    std::string_view gain = words[2];
    const auto value = leading<double>(gain);
    bool good = value && std::isfinite(*value);
    if (good && !gain.empty() && gain.front() == '(') {
      gain.remove_prefix(1);
      baseline = leading<double>(gain);
      good = baseline && !gain.empty() && gain.front() == ')';
      if (good) gain.remove_prefix(1);
    }
    if (good && !gain.empty() && gain.front() == '/') {
      out.signal.unit = gain.substr(1);
      gain = {};
    }
    check_io(good && gain.empty(), "{}: a gain such as 200(1024)/mV was required: got \"{}\"", at,
             excerpt(words[2]));
    if (*value != 0) out.gain = *value;  // 0: not calibrated
  }
  if (words.size() >= 5) out.baseline = whole<double>(words[4], at, "the ADC's zero");
  if (baseline) out.baseline = *baseline;
  if (words.size() >= 7) out.checksum = whole<Index>(words[6], at, "a checksum");
  for (std::size_t i = 8; i < words.size(); ++i) out.signal.name += (i > 8 ? " " : "") + words[i];
  return out;
}

Header read_header(const std::string& path) {
  Header h;
  const std::string text = read_file(path);
  std::string_view rest = without_mark(text);
  std::size_t signals = 0;
  bool begun = false;
  for (int line = 1; !rest.empty(); ++line) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view row = rest.substr(0, end);
    rest.remove_prefix(std::min(rest.size(), end + 1));
    if (!row.empty() && row.back() == '\r') row.remove_suffix(1);
    const std::vector<std::string> words = words_of(row);
    if (words.empty() || words[0][0] == '#') continue;
    const std::string at = fmt::format("{}:{}", path, line);
    if (!begun) {
      read_record_line(words, at, h);
      begun = true;
    } else {
      check_io(signals < h.signals.size(),
               "{}: the end of the header after {} signals was "
               "required: got \"{}\"",
               at, h.signals.size(), excerpt(row));
      h.signals[signals++] = signal_of(row, at);
    }
  }
  check_io(begun && signals == h.signals.size(),
           "{}: a line for the record and one for each of its {} signals were required: got {}",
           path, h.signals.size(), begun ? signals : 0);
  return h;
}

// --- the signals
// ----------------------------------------------------------------------------------

int byte_at(const std::string& bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}
int signed_word(const std::string& bytes, std::size_t at) {
  return static_cast<std::int16_t>(byte_at(bytes, at) | byte_at(bytes, at + 1) << 8);
}

// Sample i of the signals of a file, one after the other in time. Format 212: two samples of 12
// bits in three bytes.
int sample_at(const std::string& bytes, int format, std::size_t begin, std::size_t i) {
  if (format == 16) return signed_word(bytes, begin + 2 * i);
  const std::size_t at = begin + i / 2 * 3;
  const int middle = byte_at(bytes, at + 1);
  const int raw = i % 2 == 0 ? byte_at(bytes, at) | (middle & 0x0F) << 8
                             : byte_at(bytes, at + 2) | (middle & 0xF0) << 4;
  return raw < 2048 ? raw : raw - 4096;
}
std::size_t bytes_for(int format, std::size_t samples) {
  return format == 16 ? 2 * samples : samples / 2 * 3 + (samples % 2 ? 2 : 0);
}
std::size_t samples_in(int format, std::size_t bytes) {
  return format == 16 ? bytes / 2 : bytes / 3 * 2 + (bytes % 3 == 2 ? 1 : 0);
}

// Reads the signals [first, last), which are in one file.
void read_signals(const std::string& folder, Header& h, std::size_t first, std::size_t last) {
  const Described& one = h.signals[first];
  const std::string path = folder + one.file;
  for (std::size_t i = first; i < last; ++i)
    check_io(h.signals[i].format == one.format && h.signals[i].byte_offset == one.byte_offset,
             "{}: one format for all signals of a file was required: got {} and {}", path,
             one.format, h.signals[i].format);
  const std::string bytes = read_file(path);
  const std::size_t begin = static_cast<std::size_t>(one.byte_offset), count = last - first;
  check_io(begin <= bytes.size(), "{}: at least {} bytes were required: got {}", path, begin,
           bytes.size());
  const std::size_t there = samples_in(one.format, bytes.size() - begin) / count;
  const std::size_t samples = h.samples > 0 ? static_cast<std::size_t>(h.samples) : there;
  check_io(samples > 0 && samples <= there &&
               bytes.size() - begin - bytes_for(one.format, samples * count) <= 2 * count,
           "{}: {} samples of {} signals in format {} ({} bytes) were required: got {} bytes", path,
           samples, count, one.format, bytes_for(one.format, samples * count),
           bytes.size() - begin);
  const int missing = one.format == 16 ? -32768 : -2048;
  for (std::size_t i = first; i < last; ++i) {
    Described& d = h.signals[i];
    Index sum = 0;
    d.signal.values.reserve(samples);
    for (std::size_t t = 0; t < samples; ++t) {
      const int value = sample_at(bytes, one.format, begin, t * count + (i - first));
      sum += value;
      d.signal.values.push_back(value == missing ? std::numeric_limits<double>::quiet_NaN()
                                                 : (value - d.baseline) / d.gain);
    }
    // The checksum is the sum of all samples in 16 bits; headers give it signed or not.
    check_io(!d.checksum || h.samples == 0 || ((sum - *d.checksum) & 0xFFFF) == 0,
             "{}: the checksum {} was required for signal {}: got {}: the file is damaged", path,
             d.checksum.value_or(0), i, static_cast<std::int16_t>(sum & 0xFFFF));
  }
}

// --- annotations
// ----------------------------------------------------------------------------------

// By code; empty: not used.
constexpr std::array<const char*, 42> kSymbols{
    "",  "N", "L", "R", "a", "V", "F", "J", "A",  "S", "E", "j", "/", "Q",
    "~", "",  "|", "",  "s", "T", "*", "D", "\"", "=", "p", "B", "^", "t",
    "+", "u", "?", "!", "[", "]", "e", "n", "@",  "x", "f", "(", ")", "r"};
enum Code { kSkip = 59, kNumber = 60, kSubtype = 61, kChannel = 62, kText = 63 };

}  // namespace

WFDBRecord read_wfdb(const std::string& path) {
  const std::string header = path.ends_with(".hea") ? path : path + ".hea";
  Header h = read_header(header);
  const std::filesystem::path parent = std::filesystem::path(header).parent_path();
  const std::string folder = parent.empty() ? "" : (parent / "").string();
  for (std::size_t first = 0, last = 0; first < h.signals.size(); first = last) {
    while (last < h.signals.size() && h.signals[last].file == h.signals[first].file) ++last;
    read_signals(folder, h, first, last);
  }
  const std::size_t samples = h.signals[0].signal.values.size();
  for (Described& d : h.signals) {
    check_io(d.signal.values.size() == samples,
             "{}: signals of one length were required: got {} and {} samples", header, samples,
             d.signal.values.size());
    h.record.signals.push_back(std::move(d.signal));
  }
  return std::move(h.record);
}

std::vector<Annotation> read_wfdb_annotations(const std::string& path) {
  const std::string bytes = read_file(path);
  std::vector<Annotation> out;
  Index time = 0;
  int channel = 0;
  std::size_t at = 0;
  const auto need = [&](std::size_t n) {
    check_io(at + n <= bytes.size(),
             "{}: {} more bytes at byte {} were required, and an end mark: the file is cut short",
             path, n, at);
  };
  for (;;) {
    need(2);
    const int word = byte_at(bytes, at) | byte_at(bytes, at + 1) << 8;
    const int code = word >> 10, low = word & 0x3FF;
    const std::size_t begun = at;
    at += 2;
    if (word == 0) break;
    const auto of_annotation = [&]() -> Annotation& {
      check_io(!out.empty(), "{}: an annotation before byte {} was required: got code {}", path,
               begun, code);
      return out.back();
    };
    if (code == kSkip) {  // 32 bits, the high word first
      need(4);
      time += static_cast<std::int32_t>(
          static_cast<std::uint32_t>(signed_word(bytes, at) & 0xFFFF) << 16 |
          static_cast<std::uint32_t>(signed_word(bytes, at + 2) & 0xFFFF));
      at += 4;
    } else if (code == kText) {
      need(static_cast<std::size_t>(low));
      std::string text = bytes.substr(at, static_cast<std::size_t>(low));
      text.resize(std::min(text.find('\0'), text.size()));
      of_annotation().text = std::move(text);
      at += static_cast<std::size_t>(low + low % 2);
    } else if (code == kChannel) {
      of_annotation().channel = channel = static_cast<std::int8_t>(low & 0xFF);
    } else if (code != kNumber && code != kSubtype) {
      check_io(static_cast<std::size_t>(code) < kSymbols.size() && *kSymbols[code],
               "{}: an annotation code that the format has was required at byte {}: got {}", path,
               begun, code);
      time += low;
      check_io(time >= 0 && (out.empty() || time >= out.back().sample),
               "{}: times that do not go back were required at byte {}: got sample {}", path, begun,
               time);
      out.push_back({time, kSymbols[code], {}, channel});
    }
  }
  return out;
}

std::string_view aami_class(std::string_view symbol) {
  if (symbol.size() != 1) return "";
  constexpr std::pair<std::string_view, std::string_view> kClasses[]{
      {"NLRejBn", "N"}, {"aAJS", "S"}, {"VEr", "V"}, {"F", "F"}, {"/fQ?", "Q"}};
  for (const auto& [symbols, name] : kClasses)
    if (symbols.find(symbol) != std::string_view::npos) return name;
  return "";
}

}  // namespace unroll::data
