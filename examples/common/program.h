// What the programs share: options, progress, interruption, numbers as JSON, pictures.
#pragma once

#include <CLI/CLI.hpp>

#include <unroll/tensor/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <string>

namespace program {

struct Options {
  std::uint64_t seed = 1;
  int threads = 0;           // 0: as the library decides
  unroll::Index epochs = 0;  // 0: the program's own
  std::string save, load, json, pictures;
};

// Every number that is printed, under a dotted name, for --json.
class Report {
 public:
  void add(const std::string& name, double value) { metrics_[name] = value; }
  void write(const std::string& path, const std::string& program, const Options& options) const;

 private:
  std::map<std::string, double> metrics_;
};

// Parses the options all programs have and those that `declare` adds, and runs `body`. Returns the
// exit code: bad input gives one sentence on stderr and 2; Ctrl-C ends the work early and cleanly,
// with 130.
int run(int argc, char** argv, const std::string& name, const std::string& description,
        const std::function<void(CLI::App&)>& declare,
        const std::function<void(const Options&, Report&)>& body);

// True once Ctrl-C was pressed: loops end, save and leave.
bool interrupted();

// A line that shows how far the work is; in a file or pipe only its last state.
class Progress {
 public:
  Progress(std::string label, unroll::Index total);
  ~Progress();
  void step(const std::string& note = {});

 private:
  void show();

  std::string label_, note_;
  unroll::Index total_, done_ = 0;
  bool terminal_;
  std::chrono::steady_clock::time_point start_, shown_;
};

// Runs a gnuplot script that writes `path` (a PNG); says so. Nothing happens where gnuplot is not
// installed.
void draw(const std::string& path, const std::string& script);

}  // namespace program
