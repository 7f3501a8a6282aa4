// The same digit as strokes and as an image, and the prediction for each prefix.
#pragma once

#include "examples/common/plot.h"
#include "examples/strokes/drawing.h"
#include "examples/strokes/identity.h"
#include "examples/strokes/task.h"

namespace strokes {

// Collects panels: two for a model that reads strokes, an image or rows of a scanned image, of the
// same test drawing where there are drawings. Others add none.
class Picture {
 public:
  void add(const Classifier& model, const Identity& identity, const Task& task,
           const std::vector<Index>& predicted, const Drawings& test);
  // Does nothing if there is no panel or the path is empty.
  void draw(const std::string& path) const;

 private:
  std::vector<program::Panel> panels_;
  Index shown_ = -1;  // the test drawing
};

// The probability of each class after each step of a sequence [T, D], as rows [T][C]: the model
// reads each prefix as if it were the whole sequence.
std::vector<std::vector<double>> as_it_reads(const Classifier& model, const unroll::Tensor& steps);

}  // namespace strokes
