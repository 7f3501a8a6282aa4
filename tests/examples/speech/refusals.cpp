// Bad input of the program speech: one sentence and exit code 2.
#include "tests/examples/speech/sounds.h"

#include <cstdlib>
#include <limits>

namespace {

// A small model, trained once.
std::string trained(const Folder& folder) {
  const std::string data = tone_words(folder, "data"), model = folder / "model";
  const Outcome run = run_program("speech", {"--data", data, "--epochs", "1", "--hidden", "4",
                                             "--layers", "1", "--threads", "1", "--save", model});
  REQUIRE_MESSAGE(run.code == 0, run.err);
  return model;
}

std::string with_number(std::string bytes, std::size_t at, std::uint32_t value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
  return bytes;
}

}  // namespace

TEST_CASE("speech refuses files that are no recordings") {
  const Folder folder;
  const std::string model = trained(folder), good = wav(tones("ab"));
  const auto refused = [&](const std::string& bytes, const std::string& words) {
    const std::string file = folder.write("x.wav", bytes), out = folder.write("out", "precious");
    check_refused("speech", {"--load", model, "--wav", file}, words);
    check_refused("speech", {"--load", model, "--predict", file, "--out", out}, words);
    CHECK(unroll::read_file(out) == "precious");
    std::filesystem::create_directories(folder / "bad");
    folder.write("bad/ab_kim_1.wav", bytes);
    check_refused("speech", {"--data", folder / "bad"}, words);
  };
  refused("", ".wav: a WAV file was required: got an empty file");
  refused("label,file\na,b\n", "a WAV file was required");
  refused(good.substr(0, 30), "a WAV file was required");
  refused(good.substr(0, good.size() / 2), "a whole WAV file was required: got");
  refused(wav({}), "at least one sample was required: got none");
  refused(wav(tone(300, 0.5), {.channels = 6}), "one or two channels were required: got 6");
  for (const int rate : {1, 3999, 192001, 2'000'000'000})
    refused(wav(tone(300, 0.5), {.rate = rate}), "4000 to 192000 samples per second");
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 1e30F}) {
    Sound samples = tone(300, 0.5);
    samples[1234] = bad;
    refused(wav(samples, {.is_float = true}),
            "samples between -1 and 1 were required: sample 1235");
  }
  refused(with_number(good, 40, 0), "at least one sample was required: got none, as its header");
  check_refused("speech", {"--load", model, "--wav", folder / "none.wav"},
                "none.wav: a WAV file was required: got no such file");
  check_refused("speech", {"--load", model, "--wav", folder / "data"}, "got a folder");
  std::filesystem::create_directory(folder / "empty");
  check_refused("speech", {"--load", model, "--predict", folder / "empty"}, "got none");
  check_refused("speech", {"--data", folder / "empty"}, "label_speaker_n.wav");
  check_refused("speech", {"--data", folder / "absent"},
                "absent: cannot be opened: No such file or directory");
  // Sizes in the header as programs write them that do not know the end.
  for (const std::uint32_t size : {0xFFFFFFFFu, 0x7FFFFFFFu}) {
    const std::string file =
        folder.write("y.wav", with_number(with_number(good, 4, size), 40, size));
    CHECK(run_program("speech", {"--load", model, "--wav", file}).code == 0);
  }
}

TEST_CASE("what a folder holds beside recordings is left out and said") {
  const Folder folder;
  const std::string data = tone_words(folder, "data");
  folder.write("data/readme.txt", "x");
  folder.write("data/._ab_speaker1_1.wav", "macOS");
  std::filesystem::create_directories(folder / "data/more.wav");
  folder.write("data/noname.wav", wav(tones("ab")));
  folder.write("data/ab_speaker1_x.wav", wav(tones("ab")));
  folder.write("data/_speaker1_2.wav", wav(tones("ab")));
  folder.write("data/ab_silent_1.wav", wav(silence(1)));
  folder.write("data/ab_long_1.wav", wav(silence(1) + tone(300, 21)));
  const Outcome run = run_program("speech", {"--data", data, "--epochs", "1", "--hidden", "4",
                                             "--layers", "1", "--threads", "1"});
  CAPTURE(run.err);
  CAPTURE(run.out);
  REQUIRE(run.code == 0);
  for (const std::string words :
       {"3 recordings not named", "1 recording without speech, such as ab_silent_1.wav",
        "1 recording of more than 20 s", "3 other files or folders"})
    CHECK(run.out.find(words) != std::string::npos);
  std::filesystem::create_directory(folder / "few");
  for (int n = 0; n < 4; ++n) folder.write(fmt::format("few/ab_kim_{}.wav", n), wav(tones("ab")));
  check_refused("speech", {"--data", folder / "few"},
                "three speakers, or five recordings of a word, were required to train, to "
                "validate and to test: got 4 recordings of 1 speaker");
  std::filesystem::create_directory(folder / "hasty");
  const std::string long_word(40, 'a');
  for (int n = 0; n < 5; ++n)
    folder.write(fmt::format("hasty/{}_kim_{}.wav", long_word, n), wav(tones("ab")));
  check_refused("speech", {"--data", folder / "hasty", "--epochs", "1", "--hidden", "4"},
                "speech: training recordings of at least 180 ms and 90 ms per letter");
}

TEST_CASE("without espeak-ng speech says what to install") {
  const Folder folder;
  const std::string before = std::getenv("PATH");
  setenv("PATH", (folder / "").c_str(), 1);
  check_refused("speech", {"--epochs", "1", "--save", folder / "m"},
                "it is not installed; install it (apt-get install espeak-ng)");
  setenv("PATH", before.c_str(), 1);
  CHECK(folder.files().empty());
}

TEST_CASE("speech refuses options that would do nothing, and models that do not fit") {
  const Folder folder;
  const std::string model = trained(folder), file = folder.write("x.wav", wav(tones("ab")));
  const auto refused = [](const std::vector<std::string>& arguments, const std::string& words) {
    check_refused("speech", arguments, words);
  };
  refused({"--stream"}, "--stream: a trained model was required: add --load FILE");
  refused({"--load", model}, "--wav, --stream, --test or --predict was required: got none");
  refused({"--load", model, "--wav", file, "--stream"}, "one input");
  refused({"--load", model, "--predict", file, "--wav", file}, "--wav: one input");
  refused({"--load", model, "--wav", file, "--hidden", "8"}, "a model to be trained");
  refused({"--load", model, "--wav", file, "--data", folder / "data"}, "a model to be trained");
  refused({"--load", model, "--wav", file, "--decoder", "greedy", "--beams", "3"}, "greedy");
  refused({"--load", model, "--wav", file, "--ngrams", "0", "--ngram-weight", "1"},
          "--ngrams above 0");
  refused({"--load", model, "--wav", file, "--ngrams", "2", "--ngram-weight", "nan"}, "0 to 100");
  refused({"--decoder", "best"}, "--decoder");
  refused({"--load", model, "--wav", file, "--json", file}, "no other option names");
  const std::string bytes = unroll::read_file(model);
  refused({"--load", folder.write("half", bytes.substr(0, bytes.size() / 2)), "--wav", file},
          "half");
  refused({"--load", file, "--wav", file}, "x.wav");
}
