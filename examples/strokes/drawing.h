// A drawing: strokes of a pen, and what a model reads of them.
//
// T steps of the pen's path, D = kFeatures.
#pragma once

#include <unroll/tensor/random.h>
#include <unroll/tensor/tensor.h>

#include <string>
#include <vector>

namespace strokes {

using unroll::Index;

struct Point {
  double x = 0, y = 0;  // any unit; y grows upwards
  double t = 0;         // in any unit, since any moment; used if the drawing is timed
};
using Stroke = std::vector<Point>;  // from pen down to pen up, at least one point

struct Drawing {
  std::vector<Stroke> strokes = {};
  std::string label = {}, writer = {};  // empty: unknown
  std::string glyph = {};               // of a synthetic drawing: what it was distorted from
  int line = 0;                         // where it begins in its file
  bool timed = false;                   // whether the points have times
};
using Drawings = std::vector<Drawing>;

// The largest number of steps of a path.
inline constexpr Index kMaxSteps = 400;
inline constexpr Index kFeatures = 6;

// Whether two points of the drawing differ.
bool has_extent(const Drawing& drawing);
double ink_length(const Stroke& stroke);
double ink_length(const Drawing& drawing);  // the sum over its strokes

// The drawing with the centre of its bounding box at 0 and its larger side 1. Times are unchanged.
// Throws std::invalid_argument if all points are equal.
Drawing normalised(const Drawing& drawing);

// n >= 1 points at equal distances along the stroke, measured along its ink; the first and the last
// point are those of the stroke (with n = 1 only the first). Times are interpolated.
Stroke resampled(const Stroke& stroke, Index n);

// n points at equal distances along the ink of all strokes together, as if each stroke began where
// the one before ends.
Stroke resampled(const Drawing& drawing, Index n);

// One step of the pen.
struct Step {
  double x = 0, y = 0;
  bool down = true;  // whether the pen drew on its way here
  double speed = 0;  // log(speed / mean speed of the drawing), in [-2, 2]; 0 if not timed
};
// The path of the pen through the normalised drawing: the points of each stroke at equal distances
// of about `spacing`. A stroke's first step is one with the pen up. The spacing is widened if there
// would be more than kMaxSteps steps. Throws as normalised() does.
std::vector<Step> path_of(const Drawing& drawing, double spacing);

// What a model reads [T, D]: position (twice x and y), direction of the movement (cosine and sine),
// whether the pen is down, and the speed.
unroll::Tensor features(const std::vector<Step>& path);

// The steps in random order, as places without a movement: all with the pen up and without speed.
std::vector<Step> shuffled_steps(const std::vector<Step>& path, unroll::Generator& random);
// The strokes in random order, each in a random direction.
Drawing shuffled_strokes(const Drawing& drawing, unroll::Generator& random);

}  // namespace strokes
