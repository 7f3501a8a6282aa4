// Pictures, by gnuplot.
#pragma once

#include <string>

namespace program {

// Runs a gnuplot script that draws the PNG `path`, and says where the picture is, or why there is
// none: the numbers do not depend on it.
void draw(const std::string& path, const std::string& script);

// A text as a gnuplot string.
std::string quoted(const std::string& text);

}  // namespace program
