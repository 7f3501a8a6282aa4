// The Hershey vector fonts (A. V. Hershey, Calligraphy for Computers, 1967) in JHF format, as
// Debian's package hershey-fonts-data has them: drawings that nobody wrote by hand.
//
// A glyph is a line: columns 1 to 5 a number, 6 to 8 the count of pairs of characters that follow.
// The first pair is the left and right margin; the others are x and y, as distances from the letter
// R, y downwards; the pair " R" lifts the pen. The glyphs of a file are those of ASCII from 32 on.
// A glyph may go on in the next line.
#pragma once

#include "examples/strokes/drawing.h"

namespace strokes {

inline constexpr const char* kFonts = "/usr/share/hershey-fonts";  // where Debian has them

// The glyphs of a JHF file, in its order; a blank has no strokes. y grows upwards. Throws
// std::runtime_error if the file cannot be read, is damaged, or is not JHF.
std::vector<std::vector<Stroke>> read_jhf(const std::string& path);

// The characters of an alphabet: digits, lower, upper, letters (lower and upper) or all. Throws
// std::invalid_argument for another name.
std::string characters_of(const std::string& alphabet);

// A face: its glyphs of an alphabet as drawings with label. Faces with an equal glyph are one
// face with the name of the first of them, and each glyph is in it once.
struct Face {
  std::string name;
  Drawings glyphs;
};
// The faces for Latin letters in a folder. Throws std::runtime_error, with the cure, unless there
// are at least three.
std::vector<Face> read_faces(const std::string& folder, const std::string& alphabet);

}  // namespace strokes
