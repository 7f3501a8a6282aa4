#include "examples/speech/words.h"

#include "examples/common/program.h"
#include "examples/speech/endpoints.h"

#include <unroll/data/text/units.h>
#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>
#include <unroll/tensor/random.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <set>

namespace speech {
namespace {

namespace fs = std::filesystem;

constexpr double kMaxHours = 4;
constexpr std::size_t kMaxLetters = 200;  // bytes of a label
const unroll::data::TextOptions kLabel{
    .unit = unroll::data::Unit::code_points, .nfc = true, .fold_case = true};

bool is_wav(const fs::path& path) {
  std::string end = path.extension().string();
  for (char& c : end) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return end == ".wav" && path.stem().string().rfind('.', 0) != 0;  // "._x.wav" is macOS's own
}

struct Name {
  std::string label, speaker;
};
// Of label_speaker_n: the last two parts are the speaker and a number.
std::optional<Name> name_of(const fs::path& path) {
  const std::string stem = path.stem().string();
  const std::size_t number = stem.rfind('_');
  if (number == std::string::npos || number == 0 || number + 1 == stem.size()) return {};
  if (stem.find_first_not_of("0123456789", number + 1) != std::string::npos) return {};
  const std::size_t speaker = stem.rfind('_', number - 1);
  if (speaker == std::string::npos || speaker == 0 || speaker + 1 == number) return {};
  const std::string label = stem.substr(0, speaker);
  if (label.size() > kMaxLetters || unroll::valid_utf8(stem) != stem.size()) return {};
  return Name{unroll::data::normalise(label, kLabel),
              stem.substr(speaker + 1, number - speaker - 1)};
}

std::string count_of(std::size_t count, const std::string& what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// All samples; none if there are more than kMaxSeconds.
std::optional<Samples> read_short(const std::string& path) {
  Samples out;
  Recording recording(path);
  while (recording.read(out))
    if (static_cast<double>(out.size()) > kMaxSeconds * kRate) return {};
  return out;
}

struct LeftOut {
  std::vector<std::string> silent, long_ones, unnamed;
  std::size_t others = 0;
  std::vector<std::string> notes() const {
    std::vector<std::string> out;
    const auto note = [&](const std::vector<std::string>& files, const std::string& why) {
      if (!files.empty())
        out.push_back(fmt::format("Left out: {} {}, such as {}.",
                                  count_of(files.size(), "recording"), why,
                                  unroll::excerpt(files[0])));
    };
    note(unnamed, "not named label_speaker_n.wav");
    note(silent, "without speech");
    note(long_ones, fmt::format("of more than {} s", kMaxSeconds));
    if (others > 0)
      out.push_back(fmt::format("Left out: {} or folders.", count_of(others, "other file")));
    return out;
  }
};

}  // namespace

std::vector<std::string> wav_files(const std::string& path) {
  std::error_code error;
  unroll::check_io(fs::exists(path, error), "{}: a WAV file or a folder was required: got neither",
                   path);
  if (!fs::is_directory(path, error)) return {path};
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(path))
    if (is_wav(entry.path()) && entry.is_regular_file(error)) out.push_back(entry.path().string());
  std::sort(out.begin(), out.end());
  return out;
}

Labelled read_words(const std::string& path) {
  std::error_code error;
  const bool folder = fs::is_directory(path, error);
  const std::vector<std::string> files = wav_files(path);
  LeftOut left;
  if (folder)
    left.others =
        static_cast<std::size_t>(std::distance(fs::directory_iterator(path), {})) - files.size();
  Labelled out;
  double seconds = 0;
  for (const std::string& file : files) {
    program::stop_if_interrupted();
    const std::string base = fs::path(file).filename().string();
    const auto name = name_of(file);
    if (!name) {
      left.unnamed.push_back(base);
      continue;
    }
    auto samples = read_short(file);
    if (!samples) {
      left.long_ones.push_back(base);
      continue;
    }
    *samples = trimmed(*samples);
    if (samples->empty()) {
      left.silent.push_back(base);
      continue;
    }
    seconds += static_cast<double>(samples->size()) / kRate;
    unroll::check_io(seconds <= kMaxHours * 3600,
                     "{}: at most {} hours of speech were required: got more", path, kMaxHours);
    out.words.push_back({name->label, name->speaker, base, std::move(*samples)});
  }
  out.notes = left.notes();
  std::string notes;
  for (const std::string& note : out.notes) notes += " " + note;
  unroll::check_io(
      !out.words.empty(),
      "{}: WAV files named label_speaker_n.wav, n a number, were required: got none.{}", path,
      notes.empty() ? " It is empty." : notes);
  return out;
}

std::vector<std::string> speakers_of(const Words& words) {
  std::set<std::string> out;
  for (const Word& word : words) out.insert(word.speaker);
  return {out.begin(), out.end()};
}

Parts split(Words words, std::uint64_t seed) {
  Parts out;
  unroll::Generator random(seed);
  const std::vector<std::string> speakers = speakers_of(words);
  const auto count = std::ssize(speakers);
  std::map<std::string, std::ptrdiff_t> place;  // of a speaker, shuffled
  const std::vector<Index> order = random.permutation(count);
  for (std::ptrdiff_t i = 0; i < count; ++i)
    place[speakers[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])]] = i;
  const std::ptrdiff_t each =
      std::max<std::ptrdiff_t>(1, std::lround(static_cast<double>(count) / 5));
  out.by_speaker = count >= 3;
  std::map<std::string, std::ptrdiff_t> seen;  // recordings by label
  for (Word& word : words) {
    // Of each label every fifth recording tests, and every fifth validates.
    const std::ptrdiff_t fifth = out.by_speaker ? 0 : seen[word.label]++ % 5;
    const bool test = out.by_speaker ? place[word.speaker] < each : fifth == 3,
               validation = out.by_speaker ? place[word.speaker] < 2 * each : fifth == 4;
    (test ? out.test : validation ? out.validation : out.train).push_back(std::move(word));
  }
  unroll::check_io(!out.train.empty() && !out.validation.empty() && !out.test.empty(),
                   "three speakers, or five recordings of a word, were required to train, to "
                   "validate and to test: got {} of {}",
                   count_of(words.size(), "recording"), count_of(speakers.size(), "speaker"));
  return out;
}

}  // namespace speech
