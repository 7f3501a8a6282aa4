// The tasks: what a model reads of the same handwriting, step by step.
//
// B sequences, T steps, D inputs per step, C classes.
#pragma once

#include <unroll/nn/sequence.h>

#include <functional>
#include <string>
#include <vector>

namespace strokes {

using unroll::Index;

// What is read. The first four read drawings, the last two scanned images.
enum class Reading {
  strokes,           // the path of the pen
  shuffled,          // the same steps in random order
  shuffled_strokes,  // the strokes in random order and direction
  image,             // the drawing as an image, row by row
  rows,              // a scanned image, row by row
  pixels             // a scanned image, pixel by pixel
};
// Their names, which are also those of --task.
const std::vector<std::string>& reading_names();
std::string name_of(Reading reading);
Reading reading_of(const std::string& name);  // throws std::invalid_argument
bool reads_drawings(Reading reading);

// Labelled sequences.
struct Part {
  std::vector<unroll::Tensor> steps = {};  // [T, D] each
  std::vector<Index> labels = {};          // or empty
  // Examples of one group (a glyph, a writer) are not independent.
  std::vector<Index> groups = {};

  Index size() const { return std::ssize(steps); }
  std::vector<Index> lengths() const;
  unroll::nn::Sequence batch(const std::vector<Index>& which) const;
  std::vector<Index> labels_of(const std::vector<Index>& which) const;
};

// What the nearest neighbour compares: a row of numbers for each example.
struct Flat {
  unroll::Tensor rows;  // [n, K]
  std::vector<Index> labels;
};

struct Task {
  Reading reading = Reading::strokes;
  Index in = 0;  // D
  // The training examples of one epoch.
  std::function<Part(unroll::Generator&)> draw = {};
  Part validation = {}, test = {};
  Flat known = {},
       asked = {};  // for the nearest neighbour: training and validation part, and test part
};

// For each row of `asked`, the label of the nearest row of `known` by Euclidean distance; the first
// of equally near ones.
std::vector<Index> nearest_labels(const Flat& known, const Flat& asked);

// The index of each label in `classes`. Throws std::runtime_error, naming `path` and line, for
// another one. lines may be empty.
std::vector<Index> ids_of(const std::vector<std::string>& labels, const std::vector<int>& lines,
                          const std::vector<std::string>& classes, const std::string& path);
// The labels without duplicates, numbers first and in their order.
std::vector<std::string> classes_of(const std::vector<std::string>& labels);

}  // namespace strokes
