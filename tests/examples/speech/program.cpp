// The program speech, trained for a moment on words of tones.
#include "examples/common/terminal.h"
#include "tests/examples/speech/sounds.h"

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kKeepsFreedMemory = true;  // AddressSanitizer, to find its use
#else
constexpr bool kKeepsFreedMemory = false;
#endif

std::vector<std::string> quick(const std::string& data, const std::vector<std::string>& more) {
  std::vector<std::string> out{"--data", data,       "--threads", "1",       "--hidden",
                               "24",     "--layers", "1",         "--model", "gru"};
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

Outcome succeeded(const std::vector<std::string>& arguments) {
  Outcome out = run_program("speech", arguments);
  REQUIRE_MESSAGE(out.code == 0, out.err);
  return out;
}

// The output of `speech --load MODEL --stream` for a file on standard input.
std::string streamed(const std::string& model, const std::string& file, const std::string& out) {
  const std::string command = fmt::format("cat '{}' | '{}' --load '{}' --stream > '{}'", file,
                                          UNROLL_BUILD_DIR "/examples/speech", model, out);
  REQUIRE(std::system(command.c_str()) == 0);
  return unroll::read_file(out);
}

// The largest resident memory of a run, which must succeed.
long max_kilobytes(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), UNROLL_BUILD_DIR "/examples/speech");
  std::vector<char*> argv;
  for (std::string& word : arguments) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
    execv(argv[0], argv.data());
    _exit(127);
  }
  int status = 0;
  rusage used{};
  REQUIRE(wait4(child, &status, 0, &used) == child);
  CHECK(status == 0);
  return used.ru_maxrss;
}

// The words printed, one per line after the first.
std::vector<std::string> lines_after_first(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = text.find('\n') + 1; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

}  // namespace

TEST_CASE("speech learns words from a folder, and recognises them in files and in a stream") {
  const Folder folder;
  const std::string data = tone_words(folder, "data"), model = folder / "model",
                    json = folder / "o.json";
  const Outcome run = succeeded(quick(data, {"--epochs", "150", "--save", model, "--json", json,
                                             "--ngrams", "3", "--pictures", folder / "p"}));
  CAPTURE(run.out);
  const Numbers n(json);
  for (const std::string name : {"", ".greedy", ".beam", ".ngrams", ".nearest_neighbour"}) {
    CHECK(n["word_accuracy" + name] >= 0);
    CHECK(n["word_accuracy" + name] <= 1);
    CHECK(n["character_error_rate" + name] >= 0);
  }
  CHECK(n["word_accuracy"] == n["word_accuracy.ngrams"]);
  CHECK(n["words"] == 12);
  CHECK(n["synthetic"] == 0);
  CHECK(n["word_accuracy.nearest_neighbour"] > 0.9);
  CHECK(n["word_accuracy.beam"] > 0.7);
  CHECK(n["character_error_rate.beam"] < 0.2);
  CHECK(run.out.find("No speaker is in two parts") != std::string::npos);
  CHECK(run.out.find("synthetic") == std::string::npos);
  if (run.out.find("gnuplot is not installed") == std::string::npos)
    CHECK(std::filesystem::file_size(folder / "p/speech.png") > 1000);
  for (std::size_t at = 0; at < run.out.size();) {
    const std::size_t end = run.out.find('\n', at);
    if (run.out.compare(at, 7, "Picture") != 0 && run.out.compare(at, 5, "Model") != 0 &&
        run.out.compare(at, 7, "Numbers") != 0)
      CHECK(program::columns_of(run.out.substr(at, end - at)) <= 80);
    at = end + 1;
  }

  const std::string wide = folder.write(
      "wide.wav", wav(tones("ab", 1, 44100) + silence(0.5, 44100) + tones("dc", 1, 44100),
                      {.rate = 44100, .is_float = true}));
  const std::vector<std::string> words =
      lines_after_first(succeeded({"--load", model, "--wav", wide}).out);
  CHECK(words.size() == 2);
  CHECK(lines_after_first(streamed(model, wide, folder / "out")) == words);

  // A folder to predict: each file has a row.
  std::filesystem::create_directory(folder / "some");
  folder.write("some/b.wav", unroll::read_file(wide));
  folder.write("some/a.WAV", wav(silence(1)));
  folder.write("some/notes.txt", "no sound");
  std::filesystem::create_directory(folder / "some/more");
  succeeded({"--load", model, "--predict", folder / "some", "--out", folder / "o.csv"});
  const std::string csv = unroll::read_file(folder / "o.csv");
  CHECK(csv.rfind("file,second,word,probability\na.WAV,,,\nb.wav,0.", 0) == 0);
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 4);

  const Numbers again = numbers_of("speech", {"--load", model, "--test", data, "--ngrams", "3"});
  CHECK(again["words"] == 60);
  CHECK(again["word_accuracy"] > 0.8);
  CHECK(!again.contains("word_accuracy.nearest_neighbour"));
  const Numbers one =
      numbers_of("speech", {"--load", model, "--test", data + "/ab_speaker2_0.wav"});
  CHECK(one["words"] == 1);
}

TEST_CASE("a resumed run of speech equals the whole one, with any number of threads") {
  const Folder folder;
  const std::string data = tone_words(folder, "data"), half = folder / "half";
  const Numbers whole = numbers_of("speech", quick(data, {"--epochs", "4"}));
  succeeded(quick(data, {"--epochs", "2", "--save", half}));
  CHECK(numbers_of("speech", {"--resume", half, "--epochs", "4", "--threads", "2"})
            .same_metrics(whole));
}

TEST_CASE("Ctrl-C ends training, and the model so far recognises") {
  const Folder folder;
  const std::string data = tone_words(folder, "data"), model = folder / "m";
  const Outcome run =
      interrupt_training("speech", {"--data", data, "--hidden", "24", "--layers", "1"}, model);
  CHECK(run.code == 128 + SIGINT);
  CHECK(run.err.find("interrupted") != std::string::npos);
  succeeded({"--load", model, "--wav", data + "/ab_speaker0_0.wav"});
}

TEST_CASE("speech takes every kind of model, as large as the GRU on request, in both directions") {
  const Folder folder;
  const std::string data = tone_words(folder, "data"), model = folder / "m",
                    file = data + "/cad_speaker1_1.wav";
  for (const std::string kind :
       {"rnn", "lstm", "mingru", "minlstm", "rglru", "mamba", "transformer", "linear-attention"}) {
    CAPTURE(kind);
    std::vector<std::string> words = quick(data, {"--epochs", "1", "--equal-parameters"});
    *(std::find(words.begin(), words.end(), "--model") + 1) = kind;
    words.insert(words.end(), {"--save", model});
    const Outcome out = succeeded(words);
    CHECK(out.out.find(kind + ": ") != std::string::npos);
    CHECK(out.out.find("wanted") != std::string::npos);
    succeeded({"--load", model, "--wav", file});
  }
  succeeded(quick(data, {"--epochs", "1", "--bidirectional", "--save", model}));
  succeeded({"--load", model, "--wav", file});
  check_refused("speech", {"--load", model, "--stream"},
                "--stream: a model that reads forward only was required: got a bidirectional one");
}

TEST_CASE("labels in Korean, in capitals and decomposed are letters; one speaker is divided") {
  const Folder folder;
  std::filesystem::create_directory(folder / "data");
  const std::string composed = "\xED\x95\x9C", decomposed = "\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB";
  for (int n = 0; n < 10; ++n) {
    folder.write(fmt::format("data/{}_kim_{}.wav", n % 2 ? composed : decomposed, n),
                 wav(tones("ab", 1 + 0.01 * n)));
    folder.write(fmt::format("data/{}_kim_{}.wav", n % 2 ? "DU" : "du", n),
                 wav(tones("dc", 1 + 0.01 * n)));
  }
  const Outcome run =
      succeeded(quick(folder / "data", {"--epochs", "200", "--save", folder / "m"}));
  CAPTURE(run.out);
  CHECK(run.out.find("fewer than three speakers") != std::string::npos);
  const Outcome found =
      succeeded({"--load", folder / "m", "--wav", folder.write("x.wav", wav(tones("ab")))});
  CAPTURE(found.out);
  CHECK(found.out.find(composed) != std::string::npos);
  CHECK(found.out.find(decomposed) == std::string::npos);
}

TEST_CASE("ten minutes with a word every second are recognised in the memory of one" *
          doctest::skip(kKeepsFreedMemory)) {
  const Folder folder;
  const std::string data = tone_words(folder, "data"), model = folder / "m", csv = folder / "o.csv";
  succeeded(quick(data, {"--epochs", "1", "--save", model}));
  const auto recording_of = [&](int minutes) {
    Sound all;
    for (int word = 0; word < 60 * minutes; ++word) all = all + tones("ab") + silence(0.56);
    return folder.write(fmt::format("{}.wav", minutes), wav(all));
  };
  // Written before any run, since a new process counts the memory of the one that starts it.
  const std::string one = recording_of(1), ten = recording_of(10);
  const auto kilobytes = [&](const std::string& file, int minutes) {
    const long used =
        max_kilobytes({"--load", model, "--threads", "1", "--predict", file, "--out", csv});
    const std::string rows = unroll::read_file(csv);
    CHECK(std::count(rows.begin(), rows.end(), '\n') == 60 * minutes + 1);
    return used;
  };
  // Nine minutes more of samples would take 34 MB.
  const long of_one = kilobytes(one, 1), of_ten = kilobytes(ten, 10);
  CHECK(of_ten < of_one + 8000);
}
