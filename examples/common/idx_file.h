// Images and labels in IDX format, that of the MNIST database: a magic number (two zero bytes, the
// type of the values, the number of axes), the length of each axis as 4 bytes, big-endian, and
// the values. http://yann.lecun.com/exdb/mnist/
//
// n images of h x w pixels.
#pragma once

#include <unroll/tensor/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace program {

using unroll::Index;

// An array of unsigned bytes, the only type of values that is read.
struct IdxArray {
  std::vector<Index> sizes;          // of the axes
  std::vector<std::uint8_t> values;  // in row-major order
};
// Reads an IDX file with `axes` axes, compressed by gzip or not. Throws std::runtime_error if it
// cannot be read, is not IDX, has another type or number of axes, or is shorter or longer than its
// header states.
IdxArray read_idx(const std::string& path, Index axes);

struct Images {
  Index height = 0, width = 0;       // h and w
  std::vector<std::uint8_t> pixels;  // [n, h, w]: 0 is paper, 255 is ink
  std::vector<Index> labels;         // [n], or empty: unknown

  Index size() const { return height * width > 0 ? std::ssize(pixels) / (height * width) : 0; }
  const std::uint8_t* image(Index i) const { return pixels.data() + i * height * width; }
  Images part(Index begin, Index end) const;  // the images [begin, end)
};
// Reads images [n, h, w] without labels. Throws as read_idx does, and unless there is an image of
// at least one pixel.
Images read_images(const std::string& path);
// The same with labels [n]. Throws also unless there is one label for each image.
Images read_images(const std::string& path, const std::string& labels);

// The file of labels that belongs to a file of images by MNIST's names:
// "train-images-idx3-ubyte.gz" -> "train-labels-idx1-ubyte.gz". Throws std::invalid_argument if the
// name of the file is of another form.
std::string labels_beside(const std::string& images);

// The path of a file in data/mnist.
std::string mnist(const std::string& name);

}  // namespace program
