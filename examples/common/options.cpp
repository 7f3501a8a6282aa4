#include "examples/common/options.h"

#include "examples/common/command_line.h"
#include "examples/common/picture.h"
#include "examples/common/terminal.h"

#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <limits>
#include <utility>

namespace program {
namespace {

namespace fs = std::filesystem;

constexpr const char* kOption = "option.";  // prefix of given options in the metadata of a model
constexpr const char* kSeed = "seed";

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

void check_readable(const std::string& option, const std::string& path,
                    const std::vector<std::string>& endings) {
  if (path.empty()) return;
  for (const std::string& ending : endings)
    if (access((path + ending).c_str(), R_OK) == 0) return;
  const bool readable = access(path.c_str(), R_OK) == 0;  // sets errno, which is read below
  unroll::check_io(readable, "{}: a file that can be read was required: {}: cannot be opened: {}",
                   option, path, std::strerror(errno));
}

void check_apart(const std::string& option, const std::string& path,
                 const std::vector<std::string>& others) {
  for (const std::string& other : others)
    unroll::check(!same_file(path, other),
                  "{}: a file that no other option names was required: got {}", option, path);
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

// Which options exclude each other, for all programs.
void check_conflicts(const Options& o) {
  if (!o.predict.empty()) {
    unroll::check(!o.load.empty(), "--predict: a trained model was required: add --load FILE");
    o.refuse({"--data", "--test", "--save", "--resume", "--epochs", "--json", "--pictures"},
             "a run without --predict", "--predict");
  }
  unroll::check(o.out.empty() || !o.predict.empty(),
                "--out: predictions were required: add --predict FILE");
  if (!o.load.empty()) o.refuse({"--epochs", "--resume", "--save"}, "a model to train", "--load");
}

// Options that say where results go or how fast they come. A resumed run does not inherit them.
bool is_inherited(const std::string& name) {
  for (const char* own : {"--help", "--save", "--load", "--resume", "--json", "--pictures",
                          "--threads", "--test", "--predict", "--out"})
    if (name == own) return false;
  return true;
}

// Wraps the help of each option, so that a line of --help has at most 80 columns.
void fit_terminal(CLI::App& app) {
  constexpr std::size_t kNames = 30, kWidth = 80;  // columns; CLI11 has 30 for the names
  app.get_formatter()->column_width(kNames);
  for (CLI::Option* option : app.get_options([](CLI::Option*) { return true; })) {
    std::string text = option->get_description();
    std::replace(text.begin(), text.end(), '\n', ' ');
    text = wrapped(text, kWidth - kNames);
    text.pop_back();  // the last newline
    option->description(text);
  }
}

std::string first_name(const CLI::Option& option) { return "--" + option.get_lnames().at(0); }

void parse_words(CLI::App& app, std::vector<std::string> words) {
  std::reverse(words.begin(), words.end());  // as CLI11 wants them
  try {
    app.parse(words);
  } catch (const CLI::CallForHelp&) {
    throw;
  } catch (const CLI::ParseError& e) {
    unroll::fail("{} (see --help)", e.what());
  }
}

// The options of the run in a model file that are not given now, as words of a command line.
std::vector<std::string> inherited_words(const Options& o) {
  unroll::Metadata metadata;
  unroll::load_safetensors(o.resume, &metadata);
  const std::string got = metadata["program"];
  unroll::check_io(got == o.about->name && metadata.contains(kSeed),
                   "{}: a run of {} that can be resumed was required: got {}", o.resume,
                   o.about->name,
                   got.empty() ? "another file" : "a model of " + unroll::excerpt(got));
  std::vector<std::string> words;
  unroll::check(!o.given("--seed") || metadata[kSeed] == std::to_string(o.seed),
                "--resume: the seed of the run, {}, was required: got --seed {}", metadata[kSeed],
                o.seed);
  if (!o.given("--seed")) words = {"--seed=" + metadata[kSeed]};
  for (const auto& [key, values] : metadata) {
    if (key.rfind(kOption, 0) != 0) continue;
    const std::string name = key.substr(std::string(kOption).size());
    const CLI::Option* option = o.app->get_option_no_throw(name);
    if (option == nullptr || option->count() > 0 || name == "--seed") continue;
    const bool flag = option->get_expected_max() == 0;
    if (flag) words.push_back(name);
    for (std::size_t at = 0; !flag && at <= values.size();) {
      const std::size_t end = std::min(values.find('\n', at), values.size());
      words.push_back(name + "=" + values.substr(at, end - at));
      at = end + 1;
    }
  }
  return words;
}

}  // namespace

bool Options::given(const std::string& option) const {
  const CLI::Option* found = app->get_option_no_throw(option);
  return found != nullptr && found->count() > 0;
}

std::string Options::picture_path(const std::string& name) const {
  return pictures.empty() ? "" : pictures + "/" + name;
}

void Options::refuse(std::initializer_list<const char*> options, const std::string& required,
                     const std::string& got) const {
  for (const char* option : options)
    if (given(option))  // of an option with several names, the first
      unroll::fail("{}: {} was required: got {}", first_name(*app->get_option_no_throw(option)),
                   required, got);
}

void Options::prepare(const std::vector<std::string>& inputs) const {
  for (const auto& [option, path] : {std::pair("--load", load), std::pair("--resume", resume),
                                     std::pair("--test", test), std::pair("--predict", predict),
                                     std::pair("--data", given("--data") ? data : std::string())})
    check_readable(option, path, about->takes.endings);
  std::vector<std::string> taken = inputs;
  for (const std::string& path : {predict.empty() ? data : predict, test, load})
    if (!path.empty()) taken.push_back(path);
  std::vector<std::pair<const char*, std::string>> outputs{
      {"--save", save}, {"--json", json}, {"--out", out}, {"--pictures", pictures}};
  for (const std::string& name : about->pictures)
    outputs.emplace_back("--pictures", picture_path(name));
  for (const auto& [option, path] : outputs) {
    if (path.empty()) continue;
    check_apart(option, path, taken);
    if (!resume.empty() && std::string(option) != "--save") check_apart(option, path, {resume});
    taken.push_back(path);
  }
  // Checked before the work starts, not after.
  for (const auto& [option, path] : outputs)
    if (!path.empty() && std::string(option) != "--pictures") check_file(option, path);
  if (pictures.empty()) return;
  std::error_code error;
  fs::create_directories(pictures, error);
  bool free = writable_folder(pictures);
  for (const std::string& name : about->pictures)
    free = free && !fs::is_directory(picture_path(name), error);
  unroll::check_io(free, "--pictures: a folder that can be written to was required: got {}",
                   pictures);
  can_draw(picture);
}

unroll::Metadata Options::given_options() const {
  unroll::Metadata options{{kSeed, std::to_string(seed)}};
  for (const CLI::Option* option : app->get_options()) {
    const std::string name = first_name(*option);
    if (option->count() == 0 || !is_inherited(name)) continue;
    options[kOption + name] = fmt::format("{}", fmt::join(option->results(), "\n"));
  }
  return options;
}

std::string sample(const std::string& name) { return UNROLL_SOURCE_DIR "/data/samples/" + name; }

void declare_common(CLI::App& app, Options& o, const About& about) {
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  o.app = &app, o.about = &about, o.data = about.takes.sample;
  const auto file = [&](const char* name, std::string& path, const std::string& text) {
    if (!text.empty()) app.add_option(name, path, text)->type_name("FILE");
  };
  file("--data", o.data, about.takes.data);
  file("--test", o.test, about.takes.test);
  file("--predict", o.predict, about.takes.predict);
  file("--out", o.out,
       about.takes.predict.empty() ? "" : "Where --predict writes (default: standard output)");
  add_number(app, "--seed", o.seed, 0, kMax,
             "Random seed; on the same kind of CPU, the same\nseed gives the same results")
      ->capture_default_str();
  add_number(app, "--threads", o.threads, 1, 256,
             "Threads (default: the cores); the results stay the\nsame");
  if (about.takes.model) {
    add_number(app, "--epochs", o.epochs, 1, 100000, "Train for at most so many epochs");
    file("--save", o.save,
         "Write the trained model to this file. After\nCtrl-C: the model of the last whole "
         "epoch (or of\n"
         "the best one, where training goes back to it);\nbefore the first, the file stays "
         "as it was");
    file("--load", o.load, "Take the model from this file instead of training");
  }
  if (about.takes.resume)
    file("--resume", o.resume,
         "Go on with the run that --save wrote to this file,\nwith its options unless they are "
         "given again;\n--epochs counts from the beginning of that run");
  file("--json", o.json, "Write every number printed to this file");
  if (!about.pictures.empty())
    app.add_option("--pictures", o.pictures, "Leave pictures in this folder (needs gnuplot)")
        ->type_name("FOLDER");
  fit_terminal(app);
}

void parse(CLI::App& app, Options& o, int argc, char** argv) {
  check_not_empty(argc, argv);
  std::vector<std::string> words(argv + 1, argv + argc);
  parse_words(app, words);
  check_conflicts(o);
  if (!o.resume.empty()) {
    const std::vector<std::string> inherited = inherited_words(o);
    words.insert(words.begin(), inherited.begin(), inherited.end());
    parse_words(app, words);
  }
  if (!o.about->pictures.empty()) o.picture = o.picture_path(o.about->pictures[0]);
}

void check_output(const std::string& option, const std::string& path,
                  const std::vector<std::string>& inputs) {
  check_apart(option, path, inputs);
  check_file(option, path);
}

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

void check_text(const std::string& option, const std::string& text, std::size_t most) {
  const std::size_t bad = unroll::valid_utf8(text);
  unroll::check(bad == text.size(),
                "{}: a text in UTF-8 was required: byte {} is not part of any (\"{}\")", option,
                bad + 1, unroll::excerpt(text));
  unroll::check(text.size() <= most, "{}: a text of at most {} bytes was required: got {}", option,
                most, text.size());
}

CLI::Validator whole_number(std::uint64_t min, std::uint64_t max) {
  const auto check = [min, max](std::string& text) -> std::string {
    std::uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || at != end || value < min || value > max)
      return fmt::format("a whole number from {} to {} was required: got {}", min, max,
                         unroll::excerpt(text));
    text = std::to_string(value);  // CLI11 would read a leading 0 as octal
    return {};
  };
  return {check, ""};
}

}  // namespace program
