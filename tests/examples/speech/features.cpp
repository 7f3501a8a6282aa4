// Sound, its frames and its endpoints, from whole recordings and from streams.
#include "examples/speech/endpoints.h"
#include "tests/examples/speech/sounds.h"

using namespace speech;

namespace {

Sound noise(std::size_t samples, std::uint64_t seed, double level = 0.1) {
  return unroll::Generator(seed)
      .normal({static_cast<unroll::Index>(samples)}, 0, level)
      .to_vector<float>();
}

Samples read_all(const std::string& path) {
  Samples out;
  Recording recording(path);
  while (recording.read(out)) {
  }
  return out;
}

// The frequency of a tone, by its upward crossings of zero.
double frequency_of(const Samples& x) {
  double count = 0;
  for (std::size_t i = 1; i < x.size(); ++i) count += x[i - 1] < 0 && x[i] >= 0;
  return count * kRate / static_cast<double>(x.size());
}

std::vector<Segment> segments_of(const Sound& samples) {
  Endpoints endpoints;
  std::vector<Segment> out;
  for (const Frame& frame : log_mel(samples + Sound(kPadding)))
    if (const auto segment = endpoints.push(frame.level)) out.push_back(*segment);
  return out;
}

}  // namespace

TEST_CASE("the features of a stream equal those of the whole recording, to the bit") {
  unroll::Generator random(1);
  for (const std::size_t size : {400u, 401u, 12345u, 48000u}) {
    const Sound samples = noise(size, size);
    const Frames whole = log_mel(samples);
    CHECK(std::ssize(whole) == (static_cast<Index>(size) - kWindow) / kHop + 1);
    LogMel mel;
    Frames streamed;
    in_chunks(samples, random, [&](std::span<const float> chunk) { mel.push(chunk, streamed); });
    REQUIRE(streamed.size() == whole.size());
    for (std::size_t t = 0; t < whole.size(); ++t) {
      CHECK(streamed[t].mel == whole[t].mel);
      CHECK(streamed[t].level == whole[t].level);
    }
  }
  CHECK(log_mel(noise(399, 1)).empty());
}

TEST_CASE("a tone is in the band of its frequency, and twice as loud is log 4 more") {
  for (const Index band : {5, 17, 31}) {
    const Frame soft = log_mel(tone(middle_of_band(band), 0.1, 0.2))[3],
                loud = log_mel(tone(middle_of_band(band), 0.1, 0.4))[3];
    const auto at = static_cast<std::size_t>(band);
    CHECK(std::max_element(soft.mel.begin(), soft.mel.end()) - soft.mel.begin() == band);
    CHECK(loud.mel[at] - soft.mel[at] == doctest::Approx(std::log(4)).epsilon(1e-3));
    CHECK(soft.level == doctest::Approx(10 * std::log10(0.2 * 0.2 / 2)).epsilon(0.01));
  }
  CHECK(log_mel(Sound(400))[0].mel[0] == doctest::Approx(std::log(3e-4)));
}

TEST_CASE("a resampled stream does not depend on its chunks, and tones keep their frequency") {
  unroll::Generator random(2);
  for (const int rate : {4000, 8000, 11025, 16000, 22050, 44100, 48000, 192000}) {
    CAPTURE(rate);
    const Sound samples = tone(440, 1.5, 0.5, rate);
    Samples whole, chunks;
    Resampler a(rate), b(rate);
    a.push(samples, whole);
    a.end(whole);
    in_chunks(samples, random, [&](std::span<const float> chunk) { b.push(chunk, chunks); });
    b.end(chunks);
    CHECK(whole == chunks);
    CHECK(std::abs(std::ssize(whole) - 24000) <= 80);  // the filter's end: at most 5 ms
    CHECK(frequency_of(whole) == doctest::Approx(440).epsilon(0.005));
    const Folder folder;
    const Samples read =
        read_all(folder.write("a.wav", wav(samples, {.rate = rate, .is_float = true})));
    CHECK(read == whole);
  }
}

TEST_CASE("two channels are averaged, and 16 bits and floats give the same samples") {
  const Folder folder;
  const Sound left = noise(5000, 3), right = noise(5000, 4);
  Sound both;
  for (std::size_t i = 0; i < left.size(); ++i) both.push_back(left[i]), both.push_back(right[i]);
  const Samples mixed =
      read_all(folder.write("a.wav", wav(both, {.channels = 2, .is_float = true})));
  REQUIRE(mixed.size() == left.size());
  for (std::size_t i = 0; i < left.size(); ++i) CHECK(mixed[i] == (left[i] + right[i]) / 2);
  const Samples coarse = read_all(folder.write("b.wav", wav(left)));
  REQUIRE(coarse.size() == left.size());
  for (std::size_t i = 0; i < left.size(); ++i) CHECK(std::abs(coarse[i] - left[i]) < 1e-4);
}

TEST_CASE("words between silences, or in noise 20 dB below them, are segments") {
  const Sound quiet = noise(16000, 5, 0.01);
  for (const bool noisy : {false, true}) {
    Sound all;
    std::vector<double> begins;
    for (int word = 0; word < 6; ++word) {
      all = all + silence(0.5 + 0.1 * word);
      begins.push_back(static_cast<double>(all.size()) / kRate);
      all = all + tone(400, 0.3 + 0.1 * word) + silence(0.4);
    }
    if (noisy)
      for (std::size_t i = 0; i < all.size(); ++i) all[i] += quiet[i % quiet.size()];
    std::vector<Segment> found = segments_of(all);
    // Until the background is known, 1.5 s of noise pass for speech.
    const std::size_t first = noisy ? 2 : 0;
    std::size_t matched = 0;
    for (std::size_t word = first; word < begins.size(); ++word)
      for (const Segment& s : found) {
        const double begin = static_cast<double>(s.begin) / kFramesPerSecond,
                     end = static_cast<double>(s.end) / kFramesPerSecond,
                     length = 0.3 + 0.1 * static_cast<double>(word);
        matched += std::abs(begin - (begins[word] - 0.15)) < 0.05 &&
                   std::abs(end - (begins[word] + length + 0.25)) < 0.05;
      }
    CHECK(matched == begins.size() - first);
    if (!noisy) CHECK(found.size() == begins.size());
    for (std::size_t i = 1; i < found.size(); ++i)
      CHECK(found[i].begin >= found[i - 1].end - kBefore);
  }
}

TEST_CASE("silence and clicks are no words, and speech without a pause is cut at four seconds") {
  CHECK(segments_of(silence(3)).empty());
  CHECK(segments_of(Sound()).empty());
  Sound click = silence(2);
  click[12345] = 1;
  CHECK(segments_of(click).empty());
  const std::vector<Segment> all = segments_of(silence(0.5) + noise(160000, 6, 0.3));
  REQUIRE(!all.empty());
  for (const Segment& s : all) CHECK(s.end - s.begin <= kLongest);
}

TEST_CASE("a recording of a word is trimmed to it, also if it has no silence around it") {
  const Sound word = tone(500, 0.4);
  const Samples tight = trimmed(word);
  CHECK(std::abs(std::ssize(tight) - static_cast<Index>(0.8 * kRate)) < 800);
  const Samples loose = trimmed(silence(1) + word + silence(2));
  CHECK(std::abs(std::ssize(loose) - static_cast<Index>(0.8 * kRate)) < 800);
  CHECK(trimmed(silence(2)).empty());
  // Trimming a trimmed word changes nothing but its end.
  CHECK(std::abs(std::ssize(trimmed(loose)) - std::ssize(loose)) <= kHop + kWindow);
}
