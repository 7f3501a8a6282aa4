// Recordings of one word each: spoken by espeak-ng, or WAV files whose names tell the word.
#pragma once

#include "examples/speech/audio.h"

#include <string>
#include <vector>

namespace speech {

struct Word {
  std::string label;  // the spoken word, in lower case and NFC
  std::string speaker;
  std::string name;  // of the file
  Samples samples;   // trimmed to the speech, see endpoints.h
};
using Words = std::vector<Word>;

inline constexpr const char* kSynthetic = "synthetic speech by espeak-ng";

struct Spoken {
  std::vector<std::string> words, voices;
  std::vector<int> pitches;  // of espeak-ng, 0 to 99
  std::vector<int> speeds;   // words per minute
};
// The ten digits and twenty commands, by twelve voices in five pitches and three speeds. Six voices
// have an American accent and six a British one, so that any eight of them have both.
Spoken default_speech();
// Every word, of letters only, by every voice, pitch and speed; the speaker is the voice. Throws
// std::runtime_error if espeak-ng is not installed or fails, and program::Interrupted after Ctrl-C.
Words speak(const Spoken& what);

// The files label_speaker_n.wav of a folder, n a number; or one such file. `notes` tells in
// sentences what was left out: other files, folders, recordings without speech or of more than
// kMaxSeconds. Throws std::runtime_error, naming the file, if a recording cannot be read (see
// Recording), if nothing is left, or if there are more than four hours of speech.
struct Labelled {
  Words words;
  std::vector<std::string> notes;
};
Labelled read_words(const std::string& path);
inline constexpr double kMaxSeconds = 20;

// The WAV files of a folder by name, or the path itself if it is a file.
std::vector<std::string> wav_files(const std::string& path);

// Whole speakers are drawn for testing and for validation: of n speakers, n / 5 each, rounded to
// the nearest number, at least one. With fewer than three speakers the recordings of each label are
// divided instead, and `by_speaker` is false. Throws std::runtime_error if a part would be empty.
struct Parts {
  Words train, validation, test;
  bool by_speaker = true;
};
Parts split(Words words, std::uint64_t seed);
std::vector<std::string> speakers_of(const Words& words);  // distinct, sorted

}  // namespace speech
