// What all programs share: options, output files and interruption. See also report.h (--json),
// terminal.h (progress and tables), training.h (the loop over epochs), model_file.h (--save and
// --load) and picture.h.
#pragma once

#include "examples/common/report.h"

#include <unroll/tensor/types.h>

#include <CLI/CLI.hpp>

#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

namespace program {

struct About {
  std::string name, description;
  std::string picture;  // name of the file drawn in the folder --pictures
};

struct Options {
  std::uint64_t seed = 1;
  int threads = 0;           // 0: chosen by the library
  unroll::Index epochs = 0;  // 0: the program's default
  std::string save, load, json, pictures;
  std::string picture;  // path of the file in `pictures`; empty without --pictures
  const CLI::App* app = nullptr;

  bool given(const std::string& option) const { return app->count(option) > 0; }
  // Throws if one of these options was given although it would have no effect.
  void refuse(std::initializer_list<const char*> options, const std::string& required,
              const std::string& got) const;
  // Call it before any work, with the files that will be read. Throws if an output would overwrite
  // one of them or another output, or cannot be written. Creates the folder of pictures.
  void prepare(const std::vector<std::string>& inputs) const;
};

// The same check for an output file of the program: throws if it cannot be written or is an input.
void check_output(const std::string& option, const std::string& path,
                  const std::vector<std::string>& inputs);

// A cell of a CSV file, quoted if necessary.
std::string csv_cell(const std::string& text);

// Whether two paths refer to the same file or folder, existing or not. False for devices, which are
// not overwritten.
bool same_file(const std::string& a, const std::string& b);

bool is_utf8(const std::string& text);

// Accepts an integer in [least, most].
CLI::Validator whole_number(std::uint64_t least, std::uint64_t most);
template <class T>
CLI::Option* add_number(CLI::App& app, const std::string& name, T& target, std::uint64_t least,
                        std::uint64_t most, const std::string& text) {
  return app.add_option(name, target, text)->type_name("N")->transform(whole_number(least, most));
}

// Names from a user or file in a form fit for printing: shortened, without control characters.
std::string shown(const std::vector<std::string>& names);
// Names as parts of dotted metric names: lower case; '_' replaces everything but letters (of any
// script), digits, '+' and '-'; duplicates are numbered.
std::vector<std::string> metric_names(const std::vector<std::string>& names);

// Runs `body` and returns its exit code. Prints one sentence to stderr and returns 2 if it throws,
// if UNROLL_THREADS is not a number, or if stdout could not be written.
int guarded(const std::string& name, const std::function<int()>& body);

// Parses the common options and those added by `declare`, and runs `body` in guarded(). Ctrl-C,
// SIGTERM and SIGHUP stop the work early and cleanly, with exit code 128 + signal.
int run(int argc, char** argv, const About& about, const std::function<void(CLI::App&)>& declare,
        const std::function<void(const Options&, Report&)>& body);

// True after Ctrl-C: loops should stop, save and return.
bool interrupted();

}  // namespace program
