#include "examples/strokes/read.h"

#include "examples/common/text_file.h"
#include "examples/strokes/lines.h"

namespace strokes {
namespace {

using unroll::check_io;

constexpr std::size_t kMaxStrokes = 150, kMaxPoints = 100'000;  // of a drawing

void check_drawing(const Drawing& d, const std::string& path) {
  std::size_t points = 0;
  for (const Stroke& stroke : d.strokes) points += stroke.size();
  check_io(points >= 1, "{}:{}: a drawing with a stroke was required: got one without", path,
           d.line);
  check_io(has_extent(d), "{}:{}: a drawing with two different points was required: got {}", path,
           d.line, points == 1 ? "one point" : "equal points only");
  check_io(d.strokes.size() <= kMaxStrokes && points <= kMaxPoints,
           "{}:{}: at most {} strokes and {} points were required: got {} and {}", path, d.line,
           kMaxStrokes, kMaxPoints, d.strokes.size(), points);
}

}  // namespace

Drawings read_drawings(const std::string& path) {
  const std::string text = program::read_utf8_file(path);
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  check_io(begin != std::string::npos, "{}: drawings were required: got an empty file", path);
  const char first = text[begin];
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const bool number = is_digit(first) || first == '-' || first == '+' ||
                      (first == '.' && begin + 1 < text.size() && is_digit(text[begin + 1]));
  check_io(number || first == '.' || first == '{',
           "{}: drawings as pairs of numbers, as UNIPEN (.PEN_DOWN) or as lines of JSON were "
           "required: got \"{}\"",
           path, unroll::excerpt(trimmed(text.substr(begin, text.find('\n', begin) - begin))));
  Drawings out = first == '{' ? read_json_lines(text, path)
                 : number     ? read_pairs(text, path)
                              : read_unipen(text, path);
  check_io(!out.empty(), "{}: at least one drawing was required: got none", path);
  for (const Drawing& d : out) check_drawing(d, path);
  return out;
}

void check_labels(const Drawings& drawings, const std::string& path) {
  for (const Drawing& d : drawings)
    check_io(!d.label.empty(), "{}:{}: a drawing with a class was required: got one without", path,
             d.line);
}

}  // namespace strokes
