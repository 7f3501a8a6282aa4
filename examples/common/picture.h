// Pictures, by gnuplot.
#pragma once

#include <string>

namespace program {

// Is there a gnuplot? Where there is none, the first call says that the picture `path` will not be
// drawn; programs ask before they begin to work.
bool can_draw(const std::string& path);

struct PictureSize {
  int width = 1100, height = 750;  // pixels
};
// Runs a gnuplot script that draws the PNG `path`, and says where the picture is; does nothing
// where there is no gnuplot. Throws std::runtime_error where gnuplot fails.
void draw(const std::string& path, const std::string& script, PictureSize size = {});

// A text as a gnuplot string.
std::string quoted(const std::string& text);

}  // namespace program
