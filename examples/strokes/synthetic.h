// Synthetic handwriting: glyphs of the Hershey fonts, distorted at random. They look like
// letters, but nobody wrote them: a model trained on them has not learned how people move a pen.
#pragma once

#include "examples/strokes/hershey.h"

namespace strokes {

// How strongly a drawing is distorted; the defaults are for glyphs.
struct Distortion {
  double rotation = 0.25;  // at most, in radians
  double slant = 0.4;      // at most: shift in x per height
  double scale = 0.3;      // at most: log of the factor of each axis
  double bend = 0.05;      // amplitude of smooth waves, in sides of the drawing
  double jitter = 0.005;   // standard deviation of each point, in sides
};
// The distortion for drawings by people, which vary already.
inline constexpr Distortion kSlight{
    .rotation = 0.1, .slant = 0.15, .scale = 0.15, .bend = 0.02, .jitter = 0};

// The drawing with points at small distances, normalised and distorted. Keeps label, writer, line
// and times.
Drawing distorted(const Drawing& drawing, const Distortion& by, unroll::Generator& random);
// `copies` distorted drawings of each.
Drawings distorted(const Drawings& drawings, Index copies, const Distortion& by,
                   unroll::Generator& random);

// Which faces train, validate and test: shuffled by the generator; about a quarter tests, a sixth
// validates.
struct FaceSplit {
  std::vector<Face> train, validation, test;
};
FaceSplit split_faces(std::vector<Face> faces, unroll::Generator& random);
Drawings glyphs_of(const std::vector<Face>& faces);
std::string names_of(const std::vector<Face>& faces);  // "futural, timesr"

}  // namespace strokes
