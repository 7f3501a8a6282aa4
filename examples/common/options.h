// The options that programs share. They, and their combinations, are declared and checked here.
#pragma once

#include <unroll/tensor/safetensors.h>
#include <unroll/tensor/types.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace program {

// The common options that only some programs have. The string is the option's help; if it is empty,
// the program does not have the option.
struct Takes {
  std::string data = {};     // --data FILE: what the file holds
  std::string sample = {};   // the path of the default --data, see sample()
  std::string test = {};     // --test FILE: another labelled file to evaluate on
  std::string predict = {};  // --predict FILE, and with it --out FILE.csv; needs --load
  bool resume = false;       // --resume FILE
  bool model = true;         // --epochs, --save and --load
  // An input file may be named without one of these endings, such as ".hea".
  std::vector<std::string> endings = {};
};

struct About {
  std::string name, description;
  std::vector<std::string> pictures = {};  // names of the files drawn in the folder --pictures
  Takes takes = {};
};

struct Options {
  std::uint64_t seed = 1;
  int threads = 0;           // 0: chosen by the library
  unroll::Index epochs = 0;  // 0: the program's default
  std::string save, load, json, pictures;
  std::string resume;
  std::string data;  // Takes::sample if not given
  std::string test, predict, out;
  std::string picture;  // path of the first of About::pictures; empty without --pictures
  const CLI::App* app = nullptr;
  const About* about = nullptr;

  bool given(const std::string& option) const;
  // The path of a file in the folder --pictures, empty without this option.
  std::string picture_path(const std::string& name) const;
  // Throws if one of these options was given: in this run it would have no effect.
  void refuse(std::initializer_list<const char*> options, const std::string& required,
              const std::string& got) const;
  // Call it before any work, with the input files beside those of the common options.
  // Throws if an input file of the common options cannot be read; and if an output would overwrite
  // an input or another output, or cannot be written (only --save may name the file of --resume).
  // Creates the folder of pictures.
  void prepare(const std::vector<std::string>& inputs = {}) const;

  // The options given on the command line, for the metadata of a saved model: a resumed run uses
  // them unless they are given again.
  unroll::Metadata given_options() const;
};

// The path of a file in data/samples.
std::string sample(const std::string& name);

void declare_common(CLI::App& app, Options& options, const About& about);

// Parses the command line. With --resume, options that were not given are taken from the resumed
// run. Throws CLI::CallForHelp, and std::invalid_argument for anything that is not valid.
void parse(CLI::App& app, Options& options, int argc, char** argv);

// Throws if an output file of the program cannot be written or is one of the inputs.
void check_output(const std::string& option, const std::string& path,
                  const std::vector<std::string>& inputs);

// Whether two paths refer to the same file or folder, existing or not. False for devices, which are
// not overwritten.
bool same_file(const std::string& a, const std::string& b);

// Throws unless a text on the command line is UTF-8 and has at most `most` bytes. Call it before
// any work.
void check_text(const std::string& option, const std::string& text, std::size_t most = 1'000'000);

}  // namespace program
