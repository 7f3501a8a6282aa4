#include "examples/common/program.h"

#include <unroll/tensor/error.h>
#include <unroll/tensor/random.h>
#include <unroll/tensor/threads.h>

#include <fmt/format.h>

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <set>

namespace program {
namespace {

volatile std::sig_atomic_t g_interrupted = 0;

void on_interrupt(int) {
  if (g_interrupted) std::_Exit(130);  // the second time, at once
  g_interrupted = 1;
}

// Said before the work begins, not after minutes of it.
void check_writable(const std::string& option, const std::string& path) {
  if (path.empty()) return;
  std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  unroll::check_io(!std::filesystem::is_directory(path) && access(folder.c_str(), W_OK) == 0,
                   "{}: a file in a folder that can be written to was required: got {}", option,
                   path);
}

void declare_common(CLI::App& app, Options& o) {
  app.add_option("--seed", o.seed, "Random seed; the same seed gives the same numbers")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber.description(""))
      ->capture_default_str();
  app.add_option("--threads", o.threads, "Threads (default: the cores); the numbers stay the same")
      ->type_name("N")
      ->check(CLI::Range(1, 256).description(""));
  app.add_option("--epochs", o.epochs, "Train for at most so many epochs")
      ->type_name("N")
      ->check(CLI::Range(1, 100000).description(""));
  app.add_option("--save", o.save, "Write the trained model to this file")->type_name("FILE");
  app.add_option("--load", o.load, "Take the model from this file instead of training")
      ->type_name("FILE");
  app.add_option("--json", o.json, "Write every number printed to this file")->type_name("FILE");
  app.add_option("--pictures", o.pictures, "Leave pictures in this folder (needs gnuplot)")
      ->type_name("FOLDER");
}

}  // namespace

bool interrupted() { return g_interrupted != 0; }

std::vector<std::string> metric_names(const std::vector<std::string>& names) {
  std::vector<std::string> out;
  std::set<std::string> taken;
  for (const std::string& name : names) {
    std::string safe;
    for (const char c : name) {
      const bool upper = c >= 'A' && c <= 'Z';
      const bool kept =
          (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '_';
      safe += upper ? static_cast<char>(c - 'A' + 'a') : kept ? c : '_';
    }
    std::string unique = safe;
    for (int i = 2; !taken.insert(unique).second; ++i) unique = fmt::format("{}_{}", safe, i);
    out.push_back(unique);
  }
  return out;
}

int run(int argc, char** argv, const std::string& name, const std::string& description,
        const std::function<void(CLI::App&)>& declare,
        const std::function<void(const Options&, Report&)>& body) {
  Options options;
  CLI::App app(description, name);
  declare(app);
  declare_common(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", app.help());
    return 0;
  } catch (const CLI::ParseError& e) {
    fmt::print(stderr, "{}: {} (see --help)\n", name, e.what());
    return 2;
  }
  std::signal(SIGINT, on_interrupt);
  try {
    if (options.threads > 0) unroll::set_threads(options.threads);
    check_writable("--save", options.save);
    check_writable("--json", options.json);
    if (!options.pictures.empty()) std::filesystem::create_directories(options.pictures);
    Report report;
    body(options, report);
    if (interrupted()) {
      // Half of the numbers in the file that was to hold all of them would mislead its reader.
      std::fflush(stdout);
      fmt::print(stderr, "{}: interrupted: the numbers above are of what was finished{}\n", name,
                 options.json.empty() ? "" : ", and --json was not written");
      return 130;
    }
    if (!options.json.empty()) report.write(options.json, name, options.seed, unroll::threads());
  } catch (const std::exception& e) {
    std::fflush(stdout);
    fmt::print(stderr, "{}: {}\n", name, e.what());
    return 2;
  }
  return 0;
}

}  // namespace program
