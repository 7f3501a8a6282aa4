// Pictures, by gnuplot.
#pragma once

#include <string>

namespace program {

// Runs a gnuplot script that draws the PNG `path`, and says where the picture is, or that there is
// none because there is no gnuplot. It is 1100 wide. Throws std::runtime_error where gnuplot fails.
void draw(const std::string& path, const std::string& script, int height = 750);

// A text as a gnuplot string.
std::string quoted(const std::string& text);

}  // namespace program
