// Small Hershey fonts: five files of four faces whose digits are random polylines.
#pragma once

#include "tests/examples/run_program.h"

#include <unroll/tensor/random.h>

#include <fmt/format.h>

#include <string>

// The glyphs of a face are those of face 0 with some points moved, so that faces resemble each
// other.
inline std::string jhf_face(int face) {
  unroll::Generator random(7), own(static_cast<std::uint64_t>(face) + 100);
  std::string out;
  for (int glyph = 0; glyph < 95; ++glyph) {
    std::string body = "JZ";
    for (int point = 0; point < 5; ++point)
      for (int axis = 0; axis < 2; ++axis) {
        const auto at = static_cast<int>(random.below(17)) - 8;
        const auto moved = face == 0 ? 0 : static_cast<int>(own.below(3)) - 1;
        body += static_cast<char>('R' + at + moved);
      }
    if (glyph == 0) body = "JZ";  // a blank
    out += fmt::format("{:5}{:3}{}\n", glyph + 1, body.size() / 2, body);
  }
  return out;
}

inline void write_fonts(const Folder& folder) {
  folder.write("futural.jhf", jhf_face(0));
  folder.write("rowmans.jhf", jhf_face(0));
  folder.write("futuram.jhf", jhf_face(1));
  folder.write("timesr.jhf", jhf_face(2));
  folder.write("timesi.jhf", jhf_face(3));
}
