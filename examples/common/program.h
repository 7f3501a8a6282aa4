// The frame of a program: it parses the options (options.h), reports errors and interruption, and
// writes --json (report.h). See also terminal.h (progress and tables), training.h (the loop over
// epochs), model_file.h (--save, --load and --resume), predictions.h (--predict), table_file.h
// (--data) and plot.h (--pictures).
#pragma once

#include "examples/common/options.h"
#include "examples/common/report.h"

#include <functional>
#include <string>
#include <vector>

namespace program {

// A cell of a CSV file, quoted if necessary.
std::string csv_cell(const std::string& text);

bool is_utf8(const std::string& text);

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

// Ends the work of run() early and cleanly after Ctrl-C, where nothing would be lost: in a search,
// or between the batches of --predict.
struct Interrupted {};
void stop_if_interrupted();  // throws Interrupted

}  // namespace program
