// Scanned digits (MNIST) as sequences: row by row, or pixel by pixel.
#pragma once

#include "examples/common/idx_file.h"
#include "examples/strokes/task.h"

namespace strokes {

struct ScanParts {
  std::vector<std::string> classes;
  program::Images train, validation, test;
  std::string described;
};
// The last fifth of the images tests, an eighth of the others (from their end) validates. With a
// file to test on, an eighth of all validates. Labels are in the file that labels_beside() names.
// Throws std::runtime_error if a file cannot be used so.
ScanParts scan_parts(const std::string& images, const std::string& test);

// An image moved by up to two pixels, turned by up to 0.15 radians, scaled by up to 12 % and
// slanted by up to 0.15 of its height, with bilinear interpolation. Values in [0, 1], [h, w].
std::vector<float> warped(const program::Images& images, Index i, unroll::Generator& random);

// What a model reads of images: rows [h, w], or pixels [h w, 1], divided by 255.
unroll::Tensor steps_of(std::vector<float> pixels, Index height, Index width, Reading reading);
Part part_of(const program::Images& images, Reading reading);

// `per_epoch` images, drawn at random, train in an epoch; 0: all.
Task task_of(const ScanParts& parts, Reading reading, Index per_epoch);

}  // namespace strokes
