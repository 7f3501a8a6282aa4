#include "examples/common/program.h"

#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>
#include <unroll/tensor/random.h>
#include <unroll/tensor/threads.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace program {
namespace {

volatile std::sig_atomic_t g_interrupted = 0;

void on_interrupt(int) {
  if (g_interrupted) std::_Exit(130);  // the second time, at once
  g_interrupted = 1;
}

}  // namespace

bool interrupted() { return g_interrupted != 0; }

void Report::write(const std::string& path, const std::string& program,
                   const Options& options) const {
  nlohmann::ordered_json out;
  out["program"] = program;
  out["seed"] = options.seed;
  out["threads"] = unroll::threads();
  out["metrics"] = metrics_;
  unroll::write_file(path, out.dump(2) + "\n");
}

int run(int argc, char** argv, const std::string& name, const std::string& description,
        const std::function<void(CLI::App&)>& declare,
        const std::function<void(const Options&, Report&)>& body) {
  Options options;
  CLI::App app(description, name);
  app.add_option("--seed", options.seed, "Random seed; the same seed gives the same numbers")
      ->capture_default_str();
  app.add_option("--threads", options.threads, "Threads (default: the cores of the machine)")
      ->check(CLI::Range(1, 256));
  app.add_option("--epochs", options.epochs, "Epochs of training")->check(CLI::Range(1, 100000));
  app.add_option("--save", options.save, "Write the trained model to this file");
  app.add_option("--load", options.load, "Take the model from this file instead of training");
  app.add_option("--json", options.json, "Write every number printed to this file");
  app.add_option("--pictures", options.pictures, "Leave pictures in this folder (needs gnuplot)");
  declare(app);
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
    unroll::manual_seed(options.seed);
    if (!options.pictures.empty()) std::filesystem::create_directories(options.pictures);
    Report report;
    body(options, report);
    if (!options.json.empty()) report.write(options.json, name, options);
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}: {}\n", name, e.what());
    return 2;
  }
  if (interrupted()) {
    fmt::print(stderr, "{}: interrupted; what was finished is above\n", name);
    return 130;
  }
  return 0;
}

Progress::Progress(std::string label, unroll::Index total)
    : label_(std::move(label)),
      total_(total),
      terminal_(isatty(STDOUT_FILENO) != 0),
      start_(std::chrono::steady_clock::now()),
      shown_(start_ - std::chrono::hours(1)) {}

void Progress::show() {
  constexpr int kWidth = 24;
  const int filled = total_ > 0 ? static_cast<int>(kWidth * done_ / total_) : kWidth;
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  std::string bar;
  for (int i = 0; i < kWidth; ++i) bar += i < filled ? "█" : "░";
  fmt::print("{}{:<22} {} {:>4}/{} {:6.1f}s  {}{}", terminal_ ? "\r" : "", label_, bar, done_,
             total_, seconds, note_, terminal_ ? "\033[K" : "\n");
  std::fflush(stdout);
}

void Progress::step(const std::string& note) {
  ++done_;
  note_ = note;
  const auto now = std::chrono::steady_clock::now();
  if (!terminal_ || now - shown_ < std::chrono::milliseconds(50)) return;
  shown_ = now;
  show();
}

Progress::~Progress() {
  show();
  if (terminal_) fmt::print("\n");
}

void draw(const std::string& path, const std::string& script) {
  if (std::system("command -v gnuplot >/dev/null 2>&1") != 0) {
    fmt::print("No picture {}: gnuplot is not installed.\n", path);
    return;
  }
  std::FILE* pipe = popen("gnuplot", "w");
  unroll::check_io(pipe != nullptr, "gnuplot: cannot be started");
  const std::string text = fmt::format(
      "set terminal pngcairo size 1100,700 font 'Sans,11' noenhanced\nset output '{}'\n{}", path,
      script);
  const bool written = std::fwrite(text.data(), 1, text.size(), pipe) == text.size();
  unroll::check_io(pclose(pipe) == 0 && written, "gnuplot: could not draw {}", path);
  fmt::print("Picture: {}\n", path);
}

}  // namespace program
