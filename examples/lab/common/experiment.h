// The frame of an experiment: a program that measures one claim about sequence models. What it adds
// to its Experiment is printed, written by --json (named "<experiment>.<model>.<figure>"), and
// becomes a section of the page of ./dev lab.
//
//   int main(int argc, char** argv) {
//     return lab::run(argc, argv,
//                     {.name = "cost", .number = 5, .title = "Cost", .claim = "..."},
//                     [](lab::Experiment& e) {
//                       const Index longest = e.choose(256, 4096, 16384);
//                       ...
//                       e.chart({.title = "Time", .x = {.label = "steps"}, .at = steps, ...});
//                       e.figure("attention.exponent", exponent);
//                       e.conclude(fmt::format("Attention grows as T^{:.2f}.", exponent));
//                     });
//   }
#pragma once

#include "examples/common/plot.h"
#include "examples/common/program.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace lab {

using program::Numbers;
using unroll::Index;

struct About {
  std::string name;                         // of the program and its results: lower case
  int number = 0;                           // its place on the page
  std::string title;                        // of its section
  std::string claim;                        // what is commonly said, which the experiment measures
  program::Takes takes = {.model = false};  // of a program that reads a user's files
};

// One line of a chart. NaN is a missing value.
struct Series {
  std::string name;
  Numbers values;               // one for each position of the chart
  Numbers low = {}, high = {};  // the spread over the seeds; empty: none
};

struct Chart {
  std::string title;
  program::Axis x, y;
  Numbers at;  // positions on the x axis
  std::vector<Series> series;
};

// A matrix as shades, such as attention weights.
struct Heat {
  std::string title;
  std::vector<std::string> row_labels, column_labels;
  std::vector<Numbers> rows;
};

struct Table {
  std::string title;
  std::vector<std::string> headings;           // the first is that of the row names
  std::vector<std::vector<std::string>> rows;  // as many cells as headings
};

class Experiment {
 public:
  // Sizes of an experiment: of the tests (seconds), of ./dev lab, and of ./dev lab --full.
  template <class T>
  T choose(T quick, T normal, T full) const {
    return form_ == Form::quick ? quick : form_ == Form::normal ? normal : full;
  }
  // The seed of the i-th repetition, from 0.
  std::uint64_t seed(Index repetition) const {
    return options_.seed + static_cast<std::uint64_t>(repetition);
  }
  const program::Options& options() const { return options_; }

  void text(const std::string& paragraph);
  void code(const std::string& lines);
  void chart(const Chart& chart);  // with a table of the same numbers
  void heat(const Heat& heat);     // the same
  void table(const Table& table);
  // A result by its name without the experiment's: "lstm.gap". It must be finite.
  void figure(const std::string& name, double value);
  // A sentence computed from the results.
  void conclude(const std::string& sentence);

 private:
  enum class Form { quick, normal, full };
  friend int run(int, char**, const About&, const std::function<void(Experiment&)>&,
                 const std::function<void(CLI::App&)>&);
  Experiment(const About& about, const program::Options& options, program::Report& report,
             Form form, std::string folder)
      : about_(about),
        options_(options),
        report_(report),
        form_(form),
        folder_(std::move(folder)) {}
  std::string picture(const program::Panel& panel);  // draws it; returns it as a part of the page
  void print(const Table& table);
  void write(double seconds) const;  // the section

  const About& about_;
  const program::Options& options_;
  program::Report& report_;
  Form form_;
  std::string folder_;  // of the page; empty: none
  std::string html_, conclusions_;
  int pictures_ = 0;
};

// A number as it is printed: three significant digits or, from 1000 to a million, without decimals;
// "-" if it is missing.
std::string number(double value);
// "0.5 ± 0.1": mean and standard deviation over seeds; "0.5" of a single seed.
std::string with_spread(const std::vector<double>& over_seeds);

// Runs an experiment as a program; `declare` adds options. Options of all experiments: --quick and
// --full (sizes), --page FOLDER (writes NAME.html, a section of the page, and its pictures as
// NAME-1.svg and so on), and the common ones --seed, --threads and --json.
int run(int argc, char** argv, const About& about, const std::function<void(Experiment&)>& body,
        const std::function<void(CLI::App&)>& declare = {});

}  // namespace lab
