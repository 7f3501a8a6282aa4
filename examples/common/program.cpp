#include "examples/common/program.h"

#include "examples/common/command_line.h"
#include "examples/common/terminal.h"

#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>
#include <unroll/tensor/threads.h>

#include <fmt/format.h>
#include <rapidjson/stringbuffer.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <set>

namespace program {
namespace {

volatile std::sig_atomic_t g_interrupted = 0;  // the signal, or 0
bool g_only_output = false;  // no file is written, so without a reader the work is useless

void on_interrupt(int signal) {
  if (g_interrupted) std::_Exit(128 + signal);  // the second signal ends the program at once
  g_interrupted = signal;
}

void listen_to_signals() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP})
    if (std::signal(signal, on_interrupt) == SIG_IGN) std::signal(signal, SIG_IGN);  // nohup
  std::signal(SIGPIPE, SIG_IGN);  // `| head` must not stop a run that will save a model
}

// Replaces control characters, so that a message quoting a file stays on one line.
std::string one_line(const std::string& text) {
  std::string out;
  for (const char& c : text) out += unroll::excerpt({&c, 1});
  return out;
}

}  // namespace

bool interrupted() { return g_interrupted != 0 || (g_only_output && reader_gone()); }

void stop_if_interrupted() {
  if (interrupted()) throw Interrupted();
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

bool is_utf8(const std::string& text) {
  rapidjson::StringStream in(text.c_str());
  rapidjson::StringBuffer out;
  while (in.Tell() < text.size())
    if (!rapidjson::UTF8<>::Validate(in, out)) return false;
  return true;
}

std::string shown(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + unroll::excerpt(name);
  return out;
}

std::vector<std::string> metric_names(const std::vector<std::string>& names) {
  std::vector<std::string> out;
  std::set<std::string> taken;
  for (const std::string& name : names) {
    std::string safe;
    const bool utf8 = is_utf8(name);
    for (const char c : name) {
      const bool upper = c >= 'A' && c <= 'Z';
      const bool kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' ||
                        c == '_' || (utf8 && static_cast<unsigned char>(c) >= 0x80);
      safe += upper ? static_cast<char>(c - 'A' + 'a') : kept ? c : '_';
    }
    std::string unique = safe;
    for (int i = 2; !taken.insert(unique).second; ++i) unique = fmt::format("{}_{}", safe, i);
    out.push_back(unique);
  }
  return out;
}

int guarded(const std::string& name, const std::function<int()>& body) {
  try {
    unroll::threads();  // reads UNROLL_THREADS
    const int code = body();
    if (reader_gone()) return code;
    unroll::check_io(std::fflush(stdout) == 0 && std::ferror(stdout) == 0,
                     "a standard output that takes everything was required: this one does not");
    return code;
  } catch (const std::exception& e) {
    std::fflush(stdout);
    std::fputs(fmt::format("{}: {}\n", name, one_line(e.what())).c_str(), stderr);
    return 2;
  }
}

int run(int argc, char** argv, const About& about, const std::function<void(CLI::App&)>& declare,
        const std::function<void(const Options&, Report&)>& body) {
  return guarded(about.name, [&] {
    Options options;
    CLI::App app(about.description, about.name);
    declare(app);
    declare_common(app, options, about);
    try {
      parse(app, options, argc, argv);
    } catch (const CLI::CallForHelp&) {
      print(app.help());
      return 0;
    }
    if (options.threads > 0) unroll::set_threads(options.threads);
    listen_to_signals();
    g_only_output = options.save.empty() && options.json.empty() && options.pictures.empty() &&
                    options.out.empty();
    Report report;
    try {
      body(options, report);
    } catch (const Interrupted&) {  // reported below
    }
    if (interrupted() && g_interrupted == 0) return 128 + SIGPIPE;
    if (interrupted()) {
      // An incomplete report would mislead its reader.
      std::fflush(stdout);
      std::fputs(fmt::format("{}: interrupted: above is what was finished{}\n", about.name,
                             options.json.empty() ? "" : ", and --json was not written")
                     .c_str(),
                 stderr);
      return 128 + g_interrupted;
    }
    report.check_finite();
    if (!options.json.empty()) {
      report.write(options.json, about.name, options.seed, unroll::threads());
      say("Numbers: {}\n", options.json);
    }
    return 0;
  });
}

}  // namespace program
