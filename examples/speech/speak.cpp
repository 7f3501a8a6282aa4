// Runs the command espeak-ng, whose library is under the GPL and so is not linked: once for each
// voice, pitch and speed, with pauses between the words, since starting it takes longer than a
// word.
#include "examples/common/program.h"
#include "examples/common/terminal.h"
#include "examples/speech/endpoints.h"
#include "examples/speech/words.h"

#include <unroll/tensor/error.h>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

extern char** environ;

namespace speech {
namespace {

namespace fs = std::filesystem;

// A folder for the time of the work.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "unroll-speech-XXXXXX").string();
    unroll::check_io(mkdtemp(name.data()) != nullptr, "{}: cannot be made", name);
    path_ = name;
  }
  ~Folder() {
    std::error_code error;
    fs::remove_all(path_, error);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

constexpr int kNoProgram = 127;

// Runs a program without output and returns its exit code; kNoProgram if there is none.
int exit_code_of(std::vector<std::string> words) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t quiet;
  posix_spawn_file_actions_init(&quiet);
  for (const int output : {1, 2})
    posix_spawn_file_actions_addopen(&quiet, output, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int error = posix_spawnp(&child, argv[0], &quiet, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&quiet);
  if (error != 0) return kNoProgram;
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return kNoProgram;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// What espeak-ng says with these options and this text (SSML).
Samples said(const std::vector<std::string>& how, const std::string& text,
             const std::string& file) {
  std::vector<std::string> words{"espeak-ng", "-m", "-w", file};
  words.insert(words.end(), how.begin(), how.end());
  words.push_back(text);
  const int code = exit_code_of(words);
  program::stop_if_interrupted();
  unroll::check_io(
      code != kNoProgram,
      "espeak-ng, which speaks the words to train on, was required: it is not "
      "installed; install it (apt-get install espeak-ng) or give recordings by --data");
  unroll::check_io(code == 0, "espeak-ng: spoken words were required: it ended with {}", code);
  Samples out(kRate / 2);  // silence: espeak-ng begins at once, whatever pause is asked for
  Recording recording(file);
  while (recording.read(out)) {
  }
  return out;
}

// One recording of each word; without speech if espeak-ng says nothing for it.
std::vector<Samples> each_said(const std::vector<std::string>& how,
                               const std::vector<std::string>& words, const std::string& file) {
  std::string text = "<speak>";
  for (const std::string& word : words) text += fmt::format("<s>{}</s><break time='600ms'/>", word);
  std::vector<Samples> out = pieces(said(how, text + "</speak>", file));
  if (out.size() == words.size()) return out;
  out.clear();  // a word has a long pause, or none follows it: one by one
  for (const std::string& word : words)
    out.push_back(trimmed(said(how, fmt::format("<speak>{}</speak>", word), file)));
  return out;
}

}  // namespace

Spoken default_speech() {
  return {.words = {"zero",    "one",      "two",  "three", "four",   "five", "six",  "seven",
                    "eight",   "nine",     "yes",  "no",    "up",     "down", "left", "right",
                    "on",      "off",      "stop", "go",    "start",  "end",  "open", "close",
                    "forward", "backward", "play", "pause", "louder", "help"},
          .voices = {"en-us+f1", "en-us+f2", "en-us+f5", "en-us+m1", "en-us+m2", "en-us+m5",
                     "en-gb+f3", "en-gb+f4", "en-gb+m3", "en-gb+m4", "en-gb+m6", "en-gb+m7"},
          .pitches = {20, 35, 50, 65, 80},
          .speeds = {130, 160, 190}};
}

Words speak(const Spoken& what) {
  const Folder folder;
  Words out;
  program::Progress bar("speaking", std::ssize(what.voices));
  for (const std::string& voice : what.voices) {
    for (const int pitch : what.pitches)
      for (const int speed : what.speeds) {
        std::vector<Samples> all =
            each_said({"-v", voice, "-p", std::to_string(pitch), "-s", std::to_string(speed)},
                      what.words, folder / "words.wav");
        for (std::size_t i = 0; i < all.size(); ++i) {
          const std::string& word = what.words[i];
          unroll::check_io(!all[i].empty(),
                           "espeak-ng: a spoken word was required: got silence for {} by {}", word,
                           voice);
          out.push_back({word, voice, fmt::format("{} by {} ({}, {})", word, voice, pitch, speed),
                         std::move(all[i])});
        }
      }
    bar.step(voice);
  }
  bar.end(fmt::format("{} words", out.size()));
  return out;
}

}  // namespace speech
