#include "examples/speech/audio.h"

#include "examples/common/program.h"

#include <unroll/tensor/error.h>

#include <poll.h>
#include <samplerate.h>
#include <sndfile.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace speech {
namespace {

constexpr int kMaxChannels = 2;
constexpr float kLoudest = 8;            // full scale is 1; float files may be a little above
constexpr std::size_t kOutBlock = 4096;  // samples

// A RIFF header tells the length of the file. A program that writes to a pipe does not know it and
// writes a number near 2^31 or 2^32. Some write 0, which libsndfile reads as no samples.
void check_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, 8> head{};
  if (!file.read(head.data(), head.size()) || std::memcmp(head.data(), "RIFF", 4) != 0) return;
  std::uint32_t told = 0;
  std::memcpy(&told, head.data() + 4, sizeof told);
  constexpr std::uint32_t kUnknown = 0x7FFFF000;
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  unroll::check_io(error || told >= kUnknown || told + std::uint64_t{8} <= size,
                   "{}: a whole WAV file was required: got {} of its {} bytes", path, size,
                   told + std::uint64_t{8});
}

// Whether standard input has something to read, or has ended. Checks for Ctrl-C while it waits.
void wait_for_input() {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  constexpr int kMilliseconds = 100;
  while (poll(&input, 1, kMilliseconds) <= 0) program::stop_if_interrupted();
  program::stop_if_interrupted();
}

}  // namespace

struct Resampler::Of {
  SRC_STATE* state = nullptr;
  double ratio = 1;
  ~Of() { src_delete(state); }
  void process(std::span<const float> samples, bool last, Samples& out) {
    std::array<float, kOutBlock> block{};
    for (;;) {
      SRC_DATA data{};
      data.data_in = samples.data(), data.input_frames = std::ssize(samples);
      data.data_out = block.data(), data.output_frames = kOutBlock;
      data.end_of_input = last, data.src_ratio = ratio;
      const int error = src_process(state, &data);
      unroll::check_io(error == 0, "resampling: {}", src_strerror(error));
      samples = samples.subspan(static_cast<std::size_t>(data.input_frames_used));
      out.insert(out.end(), block.begin(), block.begin() + data.output_frames_gen);
      if (samples.empty() && data.output_frames_gen < static_cast<long>(kOutBlock)) return;
    }
  }
};

Resampler::Resampler(int rate) {
  if (rate == kRate) return;
  of_ = std::make_unique<Of>();
  int error = 0;
  of_->state = src_new(SRC_SINC_FASTEST, 1, &error);
  unroll::check_io(of_->state != nullptr, "resampling: {}", src_strerror(error));
  of_->ratio = static_cast<double>(kRate) / rate;
}
Resampler::~Resampler() = default;
Resampler::Resampler(Resampler&&) noexcept = default;

void Resampler::push(std::span<const float> samples, Samples& out) {
  if (!of_)
    out.insert(out.end(), samples.begin(), samples.end());
  else
    of_->process(samples, false, out);
}
void Resampler::end(Samples& out) {
  if (of_) of_->process({}, true, out);
}

struct Recording::Of {
  std::string name;
  bool is_stream = false;
  SNDFILE* file = nullptr;
  SF_INFO info{};
  std::vector<Resampler> resampler;  // one
  Samples frames, mono;
  sf_count_t frames_read = 0;
  bool ended = false;
  ~Of() {
    if (file != nullptr) sf_close(file);
  }

  void check_opened() {
    unroll::check_io(file != nullptr, "{}: a WAV file was required: {}", name,
                     sf_strerror(nullptr));
    unroll::check_io(info.channels <= kMaxChannels, "{}: one or two channels were required: got {}",
                     name, info.channels);
    unroll::check_io(info.samplerate >= kLowestRate && info.samplerate <= kHighestRate,
                     "{}: {} to {} samples per second were required: got {}", name, kLowestRate,
                     kHighestRate, info.samplerate);
    resampler.emplace_back(info.samplerate);
    constexpr int kPerSecond = 100;  // blocks
    frames.resize(static_cast<std::size_t>(info.samplerate / kPerSecond * info.channels));
  }
  // The mean of the channels.
  void mix(std::size_t count) {
    const auto channels = static_cast<std::size_t>(info.channels);
    mono.clear();
    for (std::size_t i = 0; i < count; ++i) {
      float sum = 0;
      for (std::size_t c = 0; c < channels; ++c) {
        const float x = frames[i * channels + c];
        unroll::check_io(std::abs(x) <= kLoudest,  // false for NaN
                         "{}: samples between -1 and 1 were required: sample {} is {}", name,
                         frames_read + static_cast<sf_count_t>(i) + 1, x);
        sum += x;
      }
      mono.push_back(sum / static_cast<float>(channels));
    }
    frames_read += static_cast<sf_count_t>(count);
  }
};

Recording::Recording(std::unique_ptr<Of> of) : of_(std::move(of)) {}
Recording::~Recording() = default;
Recording::Recording(Recording&&) noexcept = default;

Recording::Recording(const std::string& path) : of_(std::make_unique<Of>()) {
  of_->name = path;
  std::error_code error;
  unroll::check_io(
      std::filesystem::exists(path, error) && !std::filesystem::is_directory(path, error),
      "{}: a WAV file was required: got {}", path,
      std::filesystem::is_directory(path, error) ? "a folder" : "no such file");
  unroll::check_io(
      !std::filesystem::is_regular_file(path, error) || std::filesystem::file_size(path, error) > 0,
      "{}: a WAV file was required: got an empty file", path);
  of_->file = sf_open(path.c_str(), SFM_READ, &of_->info);
  of_->check_opened();
  check_whole(path);
}

Recording Recording::standard_input() {
  auto of = std::make_unique<Of>();
  of->name = "standard input", of->is_stream = true;
  wait_for_input();
  of->file = sf_open_fd(STDIN_FILENO, SFM_READ, &of->info, 0);
  of->check_opened();
  return Recording(std::move(of));
}

bool Recording::read(Samples& out) {
  if (of_->ended) return false;
  program::stop_if_interrupted();
  if (of_->is_stream) wait_for_input();
  const auto wanted = static_cast<sf_count_t>(of_->frames.size()) / of_->info.channels;
  const sf_count_t got = sf_readf_float(of_->file, of_->frames.data(), wanted);
  unroll::check_io(sf_error(of_->file) == 0, "{}: {}", of_->name, sf_strerror(of_->file));
  of_->mix(static_cast<std::size_t>(std::max<sf_count_t>(0, got)));
  of_->resampler[0].push(of_->mono, out);
  if (got == wanted) return true;
  of_->ended = true;
  unroll::check_io(of_->frames_read > 0, "{}: at least one sample was required: got none{}",
                   of_->name, of_->info.frames == 0 ? ", as its header states" : "");
  of_->resampler[0].end(out);
  return true;
}

}  // namespace speech
