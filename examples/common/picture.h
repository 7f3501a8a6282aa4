// Pictures drawn by gnuplot.
#pragma once

#include <string>

namespace program {

// Whether gnuplot is installed. If not, the first call prints that the picture `path` will not be
// drawn. Programs call it before they start to work.
bool can_draw(const std::string& path);

struct PictureSize {
  int width = 1100, height = 750;  // pixels
};
// Runs a gnuplot script (see plot.h) that draws the file `path`, SVG if its name ends in .svg,
// otherwise PNG, and prints the path. Does nothing without gnuplot. Throws std::runtime_error if
// gnuplot fails.
void draw(const std::string& path, const std::string& script, PictureSize size = {});

// Quotes a text for a gnuplot script.
std::string quoted(const std::string& text);

}  // namespace program
