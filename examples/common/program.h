// What the programs share: options, files and interruption. Beside it stand report.h (numbers as
// JSON), terminal.h (progress and tables), training.h (the loop over epochs), model_file.h (--save
// and --load) and picture.h.
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
  std::string picture;  // the file that it draws in the folder of --pictures
};

struct Options {
  std::uint64_t seed = 1;
  int threads = 0;           // 0: as the library decides
  unroll::Index epochs = 0;  // 0: the program's own
  std::string save, load, json, pictures;
  std::string picture;  // the file in `pictures`; empty without them
  const CLI::App* app = nullptr;

  bool given(const std::string& option) const { return app->count(option) > 0; }
  // Refuses those of some options that were given where they would do nothing.
  void refuse(std::initializer_list<const char*> options, const std::string& required,
              const std::string& got) const;
  // To be called before any work, with the files that will be read: refuses outputs that would
  // overwrite one of them, or each other, or that cannot be written; makes the folder of pictures.
  void prepare(const std::vector<std::string>& inputs) const;
};

// For a program's own output file: refused where it cannot be written, or is one of its inputs.
void check_output(const std::string& option, const std::string& path,
                  const std::vector<std::string>& inputs);

// A cell of a CSV file, in quotes where it needs them.
std::string csv_cell(const std::string& text);

// Do two paths lead to one file or folder, whether or not there is one yet? Not asked of devices,
// which nothing overwrites.
bool same_file(const std::string& a, const std::string& b);

bool is_utf8(const std::string& text);

// An option for a whole number in [least, most].
CLI::Validator whole_number(std::uint64_t least, std::uint64_t most);
template <class T>
CLI::Option* add_number(CLI::App& app, const std::string& name, T& target, std::uint64_t least,
                        std::uint64_t most, const std::string& text) {
  return app.add_option(name, target, text)->type_name("N")->transform(whole_number(least, most));
}

// Names as a user or a file gave them, for a person: without control characters, and not long.
std::string shown(const std::vector<std::string>& names);
// The same as parts of dotted names: lower case, with '_' for what is not a letter, a digit, '+' or
// '-'; letters of other scripts stay; those that would be the same are numbered.
std::vector<std::string> metric_names(const std::vector<std::string>& names);

// Runs `body` and returns its exit code; 2, with one sentence on stderr, where it throws, where
// UNROLL_THREADS is no number, and where stdout could not be written.
int guarded(const std::string& name, const std::function<int()>& body);

// Parses the options all programs have and those that `declare` adds, and runs `body`, guarded.
// Ctrl-C, SIGTERM and SIGHUP end the work early and cleanly, with 128 + the signal.
int run(int argc, char** argv, const About& about, const std::function<void(CLI::App&)>& declare,
        const std::function<void(const Options&, Report&)>& body);

// True once Ctrl-C was pressed: loops end, save and leave.
bool interrupted();

}  // namespace program
