#include "examples/common/program.h"

#include "examples/common/picture.h"
#include "examples/common/terminal.h"

#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>
#include <unroll/tensor/threads.h>

#include <fmt/format.h>
#include <rapidjson/stringbuffer.h>

#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <set>

namespace program {
namespace {

namespace fs = std::filesystem;

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

bool writable_folder(const fs::path& folder) {
  std::error_code error;
  return fs::is_directory(folder, error) && access(folder.c_str(), W_OK) == 0;
}

void check_file(const std::string& option, const std::string& path) {
  try {
    unroll::check_writable(path);
  } catch (const std::exception& e) {
    unroll::fail_io("{}: a file that can be written was required: {}", option, e.what());
  }
}

void check_apart(const std::string& option, const std::string& path,
                 const std::vector<std::string>& others) {
  for (const std::string& other : others)
    unroll::check(!same_file(path, other),
                  "{}: a file that no other option names was required: got {}", option, path);
}

void declare_common(CLI::App& app, Options& o) {
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  add_number(app, "--seed", o.seed, 0, kMost,
             "Random seed; on the same kind of CPU, the same\nseed gives the same numbers")
      ->capture_default_str();
  add_number(app, "--threads", o.threads, 1, 256,
             "Threads (default: the cores); the numbers stay the\nsame");
  add_number(app, "--epochs", o.epochs, 1, 100000, "Train for at most so many epochs");
  app.add_option("--save", o.save,
                 "Write the trained model to this file. After\nCtrl-C: the model of the last whole "
                 "epoch (or of\n"
                 "the best one, where training goes back to it);\nbefore the first, the file stays "
                 "as it was")
      ->type_name("FILE");
  app.add_option("--load", o.load, "Take the model from this file instead of training")
      ->type_name("FILE");
  app.add_option("--json", o.json, "Write every number printed to this file")->type_name("FILE");
  app.add_option("--pictures", o.pictures, "Leave pictures in this folder (needs gnuplot)")
      ->type_name("FOLDER");
}

// No option accepts an empty value, and CLI11 would take the word after "--csv=" as its value.
void check_not_empty(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    unroll::check(!word.empty() && !(word.rfind("--", 0) == 0 && word.back() == '='),
                  "{}: a value was required: got an empty one (see --help)",
                  word.empty() ? argv[i - 1] : word.substr(0, word.size() - 1));
  }
}

}  // namespace

bool interrupted() { return g_interrupted != 0 || (g_only_output && reader_gone()); }

bool same_file(const std::string& a, const std::string& b) {
  std::error_code error;
  if (fs::exists(a, error) && fs::exists(b, error))
    return (fs::is_regular_file(a, error) || fs::is_directory(a, error)) &&
           fs::equivalent(a, b, error);
  const auto whole = [&](const std::string& path) {
    const fs::path p = fs::weakly_canonical(fs::absolute(path, error), error);
    return p.has_filename() ? p : p.parent_path();  // without a trailing slash
  };
  return whole(a) == whole(b);
}

void Options::refuse(std::initializer_list<const char*> options, const std::string& required,
                     const std::string& got) const {
  for (const char* option : options)
    unroll::check(!given(option), "{}: {} was required: got {}", option, required, got);
}

void check_output(const std::string& option, const std::string& path,
                  const std::vector<std::string>& inputs) {
  check_apart(option, path, inputs);
  check_file(option, path);
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

void Options::prepare(const std::vector<std::string>& inputs) const {
  std::vector<std::string> taken = inputs;
  if (!load.empty()) taken.push_back(load);
  for (const auto& [option, path] : std::initializer_list<std::pair<const char*, std::string>>{
           {"--save", save}, {"--json", json}, {"--pictures", pictures}, {"--pictures", picture}}) {
    if (path.empty()) continue;
    check_apart(option, path, taken);
    taken.push_back(path);
  }
  // Checked before the work starts, not after.
  if (!save.empty()) check_file("--save", save);
  if (!json.empty()) check_file("--json", json);
  if (pictures.empty()) return;
  std::error_code error;
  fs::create_directories(pictures, error);
  unroll::check_io(writable_folder(pictures) && !fs::is_directory(picture, error),
                   "--pictures: a folder that can be written to was required: got {}", pictures);
  can_draw(picture);
}

bool is_utf8(const std::string& text) {
  rapidjson::StringStream in(text.c_str());
  rapidjson::StringBuffer out;
  while (in.Tell() < text.size())
    if (!rapidjson::UTF8<>::Validate(in, out)) return false;
  return true;
}

CLI::Validator whole_number(std::uint64_t least, std::uint64_t most) {
  const auto check = [least, most](std::string& text) -> std::string {
    std::uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || at != end || value < least || value > most)
      return fmt::format("a whole number from {} to {} was required: got {}", least, most,
                         unroll::excerpt(text));
    text = std::to_string(value);  // CLI11 would read a leading 0 as octal
    return {};
  };
  return {check, ""};
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
    options.app = &app;
    declare(app);
    declare_common(app, options);
    check_not_empty(argc, argv);
    try {
      app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
      put(app.help());
      return 0;
    } catch (const CLI::ParseError& e) {
      unroll::fail("{} (see --help)", e.what());
    }
    if (!options.pictures.empty()) options.picture = options.pictures + "/" + about.picture;
    if (options.threads > 0) unroll::set_threads(options.threads);
    listen_to_signals();
    g_only_output = options.save.empty() && options.json.empty() && options.pictures.empty();
    Report report;
    body(options, report);
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
