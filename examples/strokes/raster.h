// A drawing as a grey image.
#pragma once

#include "examples/strokes/drawing.h"

namespace strokes {

inline constexpr Index kImageSide = 28;  // pixels, as MNIST's

// The normalised drawing as an image [side, side], 0 for paper to 1 for ink, the top row first. As
// in MNIST, the drawing's larger side takes 20 of 28 pixels. A pixel is ink within the pen's radius
// of 1 pixel around a stroke, with an edge of one pixel. Throws as normalised() does.
std::vector<float> rasterised(const Drawing& drawing, Index side = kImageSide);

}  // namespace strokes
