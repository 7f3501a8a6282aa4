// Runs the built programs as a user does, and looks at what comes out.
#pragma once

#include <doctest/doctest.h>

#include <unroll/tensor/file.h>

#include <fmt/format.h>
#include <rapidjson/document.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <vector>

// A folder for the time of a test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "unroll-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  std::string write(const std::string& name, const std::string& text) const {
    unroll::write_file(*this / name, text);
    return *this / name;
  }
  std::vector<std::string> files() const {
    std::vector<std::string> out;
    for (const auto& f : std::filesystem::directory_iterator(path_))
      out.push_back(f.path().filename().string());
    std::sort(out.begin(), out.end());
    return out;
  }

 private:
  std::string path_;
};

struct Outcome {
  int code = -1;  // the exit code; -1: ended by a signal
  std::string out, err;
  double cpu_after_interrupt = 0;  // seconds; unlike time, independent of the machine's load
};

// The CPU time that a running process has used so far.
inline double cpu_seconds_of(pid_t process) {
  clockid_t clock{};
  timespec used{};
  REQUIRE(clock_getcpuclockid(process, &clock) == 0);
  REQUIRE(clock_gettime(clock, &used) == 0);
  return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}

// With interrupt_after > 0: Ctrl-C, or another signal, after so many milliseconds. `out_to` takes
// the output instead of Outcome::out.
inline Outcome run_program(const std::string& name, const std::vector<std::string>& arguments,
                           int interrupt_after = 0, int signal = SIGINT,
                           const std::string& out_to = {}) {
  const Folder folder;
  const std::string path = UNROLL_BUILD_DIR "/examples/" + name, out = folder / "out",
                    err = folder / "err";
  std::vector<std::string> words{path};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& w : words) argv.push_back(w.data());
  argv.push_back(nullptr);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    dup2(open((out_to.empty() ? out : out_to).c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600),
         STDOUT_FILENO);
    dup2(open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
    execv(path.c_str(), argv.data());
    _exit(127);
  }
  Outcome result;
  double cpu_before = 0;
  if (interrupt_after > 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(interrupt_after));
    cpu_before = cpu_seconds_of(child);
    kill(child, signal);
  }
  int status = 0;
  rusage used{};
  REQUIRE(wait4(child, &status, 0, &used) == child);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  result.cpu_after_interrupt = seconds(used.ru_utime) + seconds(used.ru_stime) - cpu_before;
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  if (out_to.empty()) result.out = unroll::read_file(out);
  result.err = unroll::read_file(err);
  return result;
}

// What --json wrote.
class Numbers {
 public:
  std::string program;
  std::uint64_t seed = 0;
  int threads = 0;

  explicit Numbers(const std::string& path) {
    rapidjson::Document all;
    all.Parse(unroll::read_file(path).c_str());
    REQUIRE(!all.HasParseError());
    REQUIRE(all.MemberCount() == 4);
    program = all["program"].GetString();
    seed = all["seed"].GetUint64();
    threads = all["threads"].GetInt();
    const rapidjson::Value& metrics = all["metrics"];  // const: else clang finds its != ambiguous
    for (const auto& metric : metrics.GetObject()) {
      const std::string key = metric.name.GetString();
      REQUIRE_MESSAGE(metric.value.IsNumber(), key);
      CHECK(metrics_.emplace(key, metric.value.GetDouble()).second);
    }
  }
  bool contains(const std::string& name) const { return metrics_.count(name) > 0; }
  double operator[](const std::string& name) const {
    REQUIRE_MESSAGE(contains(name), name);
    return metrics_.at(name);
  }
  bool same_metrics(const Numbers& other) const { return metrics_ == other.metrics_; }

 private:
  std::map<std::string, double> metrics_;
};

// Runs a program with --json, which must succeed, and returns what it wrote.
inline Numbers numbers_of(const std::string& name, std::vector<std::string> arguments) {
  const Folder folder;
  arguments.insert(arguments.end(), {"--json", folder / "numbers.json"});
  const Outcome result = run_program(name, arguments);
  REQUIRE_MESSAGE(result.code == 0, result.err);
  return Numbers(folder / "numbers.json");
}

// Bad input: one sentence on stderr with these words in it, nothing half done, exit code 2.
inline void check_sentence(const std::string& name, const Outcome& result,
                           const std::string& words) {
  CAPTURE(words);
  CAPTURE(result.err);
  CHECK(result.code == 2);
  CHECK(result.err.rfind(name + ": ", 0) == 0);
  CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
  CHECK(std::none_of(result.err.begin(), result.err.end(),
                     [](unsigned char c) { return c < ' ' && c != '\n'; }));
  CHECK(result.err.find(words) != std::string::npos);
}
inline void check_refused(const std::string& name, const std::vector<std::string>& arguments,
                          const std::string& words) {
  CAPTURE(fmt::format("{}", fmt::join(arguments, " ")));
  check_sentence(name, run_program(name, arguments), words);
}

// Ctrl-C in the middle of training, with the model saved to `file`. How long it takes until
// training begins depends on how busy the machine is, so a try that came too early is done again.
inline Outcome interrupt_training(const std::string& name, std::vector<std::string> arguments,
                                  const std::string& file, int signal = SIGINT) {
  arguments.insert(arguments.end(), {"--epochs", "100000", "--threads", "1", "--save", file});
  Outcome result;
  for (int after = 200; after < 20000; after *= 2) {
    result = run_program(name, arguments, after, signal);
    if (std::filesystem::exists(file)) break;
  }
  return result;
}

// What goes to a file or pipe is text: no colours, no cursor.
inline void check_plain(const std::string& text) {
  for (const char c : text) CHECK((static_cast<unsigned char>(c) >= ' ' || c == '\n'));
}
