// Parts of the page of ./dev lab.
#pragma once

#include "examples/lab/common/experiment.h"

#include <string>
#include <vector>

namespace lab::html {

// The colours of the lines of a chart, readable on white and on black.
const std::string& colour(std::size_t line);

std::string escaped(const std::string& text);
// The first cell of each row is its name.
std::string table(const Table& table);
std::string code(const std::string& lines);
// An SVG file by gnuplot as part of a page: text, axes and grid have the colours of the page. `id`
// keeps the names in it apart from those of other pictures.
std::string inlined(const std::string& svg, const std::string& id);
// A picture with its title; its numbers are in a <details> element below it.
std::string figure(const std::string& title, const std::string& picture, const Table& numbers);

// A whole page of sections: the experiments that were run in the order of their numbers, then those
// that failed.
struct Failure {
  std::string name, log;  // the last lines it printed
};
std::string page(const std::vector<std::string>& sections, const std::vector<Failure>& failures);

}  // namespace lab::html
