#include "examples/common/picture.h"

#include "examples/common/program.h"
#include "examples/common/terminal.h"

#include <unroll/tensor/error.h>

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace program {

namespace fs = std::filesystem;

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += c;  // doubled, as gnuplot requires
    out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return out + "'";
}

bool can_draw(const std::string& path) {
  static const bool there = std::system("command -v gnuplot >/dev/null 2>&1") == 0;
  static bool said = false;
  if (!there && !std::exchange(said, true)) say("No picture {}: gnuplot is not installed.\n", path);
  return there;
}

void draw(const std::string& path, const std::string& script, PictureSize size) {
  if (!can_draw(path)) return;
  // Drawn to a temporary file first, so that the picture is never incomplete.
  const std::string part = path + ".part";
  const bool svg = fs::path(path).extension() == ".svg";
  const std::string text = fmt::format(
      "set encoding utf8\nset terminal {} size {},{} font 'Sans,11' noenhanced{}\nset output {}\n"
      "set border lc rgb '#555555'\nset tics nomirror\nset grid lc rgb '#dddddd'\n{}\n"
      "unset output\n",
      svg ? "svg" : "pngcairo", size.width, size.height, svg ? " background '#ffffff'" : "",
      quoted((part[0] == '\'' ? "./" : "") + part), script);  // gnuplot misreads a first '
  const auto before = std::signal(SIGPIPE, SIG_IGN);  // gnuplot stops reading after an error
  std::FILE* pipe = popen("gnuplot 2>/dev/null", "w");
  const bool written =
      pipe != nullptr && std::fwrite(text.data(), 1, text.size(), pipe) == text.size();
  const bool drawn = pipe != nullptr && pclose(pipe) == 0 && written;
  std::signal(SIGPIPE, before);
  std::error_code error;
  if (drawn) fs::rename(part, path, error);
  const bool there = drawn && !error;
  if (!there) fs::remove(part, error);
  // Ctrl-C also stops gnuplot.
  unroll::check_io(there || interrupted(), "{}: a picture by gnuplot was required: it gave none",
                   path);
  if (there) say("Picture: {}\n", path);
}

}  // namespace program
