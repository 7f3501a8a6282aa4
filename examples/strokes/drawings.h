// The parts of the drawings: synthetic ones, or a user's file; and what a model reads of them.
#pragma once

#include "examples/strokes/drawing.h"
#include "examples/strokes/task.h"

namespace strokes {

struct Source {
  std::string fonts = {}, alphabet = {};  // of synthetic drawings
  std::string data = {}, test = {};       // files; data empty: synthetic
  Index copies = 0;                       // of each glyph per epoch
};

struct DrawingParts {
  std::vector<std::string> classes = {};
  bool synthetic = false;
  bool timed = false;  // whether all drawings have times, from which speeds follow
  std::string described = {};
  std::function<Drawings(unroll::Generator&)> draw = {};  // the training drawings of one epoch
  Drawings known = {};  // training part, for the nearest neighbour
  Drawings validation = {}, test = {};
  std::string test_path = {};
};
// Synthetic drawings are split by face. A file is split by writer if at least three are named in it
// and all drawings have one (a fifth of the writers tests, an eighth validates), otherwise at
// random: 70 % train, 10 % validate, 20 % test. With a file to test on, an eighth validates and the
// rest trains. Throws std::runtime_error if the file or the fonts do not allow such a split.
DrawingParts drawing_parts(const Source& source, std::uint64_t seed);

// What a model reads of a drawing [T, D]. `timed`: with speeds, if the drawing has them.
unroll::Tensor steps_of(const Drawing& drawing, Reading reading, bool timed,
                        unroll::Generator& random);
// Drawings without label get the labels {}.
Part part_of(const Drawings& drawings, const std::vector<Index>& labels, Reading reading,
             bool timed, unroll::Generator& random);
Flat flat_of(const Drawings& drawings, const std::vector<Index>& labels, Reading reading);
std::vector<Index> label_ids(const Drawings& drawings, const std::vector<std::string>& classes,
                             const std::string& path);

Task task_of(const DrawingParts& parts, Reading reading, std::uint64_t seed);

}  // namespace strokes
