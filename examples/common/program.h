// What the programs share: options and interruption. Beside it stand report.h (numbers as JSON),
// terminal.h (progress and tables), training.h (the loop over epochs) and picture.h.
#pragma once

#include "examples/common/report.h"

#include <unroll/tensor/types.h>

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <vector>

namespace program {

struct Options {
  std::uint64_t seed = 1;
  int threads = 0;           // 0: as the library decides
  unroll::Index epochs = 0;  // 0: the program's own
  std::string save, load, json, pictures;
};

// Names as a user gave them, as parts of dotted names: lower case, with '_' for what is not a
// letter, a digit, '+' or '-'; those that would be the same are numbered.
std::vector<std::string> metric_names(const std::vector<std::string>& names);

// Parses the options all programs have and those that `declare` adds, and runs `body`. Returns the
// exit code: bad input gives one sentence on stderr and 2; Ctrl-C ends the work early and cleanly,
// with 130.
int run(int argc, char** argv, const std::string& name, const std::string& description,
        const std::function<void(CLI::App&)>& declare,
        const std::function<void(const Options&, Report&)>& body);

// True once Ctrl-C was pressed: loops end, save and leave.
bool interrupted();

}  // namespace program
